// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import MachineCode
import Testing

/// Where instructions go.
struct InstructionTests {
  private func target(_ text: String) -> Instruction.Target? {
    Instruction(address: 0, text: text).target
  }

  @Test func callsAndJumpsHaveTargets() {
    #expect(target("call   27730 <probe>") == .address(0x27730))
    #expect(target("callq  27730 <probe+0x8>") == .address(0x27730))
    #expect(target("jne    2772a <_init+0x12>") == .address(0x2772a))
    #expect(target("loop   2772a <_init+0x12>") == .address(0x2772a))
    #expect(target("mov    0x11350d(%rip),%rax        # 13ac30 <swift_retain>") == nil)
    #expect(target("ret") == nil)
  }

  @Test func prefixesAreNoInstructions() {
    #expect(target("bnd jmp 2772a <_init+0x12>") == .address(0x2772a))
    #expect(target("notrack jmp *%rax") == .indirect)
    #expect(target("data16 rex.W call 27740 <__tls_get_addr@plt>") == .outside("__tls_get_addr"))
    #expect(Instruction(address: 0, text: "repz ret").isEnd)
  }

  @Test func namesOfSharedLibrariesAreTold() {
    #expect(target("call   27740 <swift_retain@plt>") == .outside("swift_retain"))
    #expect(target("jmp    27740 <free@plt>") == .outside("free"))
    // Some address in the table, of which that name is only the nearest one.
    #expect(target("jmp    27748 <free@plt+0x8>") == .address(0x27748))
    #expect(target("jmp    27730 <free@plt-0x10>") == .address(0x27730))
  }

  @Test func whatRegistersAndMemoryTellIsIndirect() {
    for text in [
      "call   *%rax", "call   *0x10(%rcx)", "jmp    *%r8", "jmp    *0x2000(,%rax,8)",
      "call   *0x1138ba(%rip)        # 13b000 <swift_retain>",
    ] {
      #expect(target(text) == .indirect)
    }
  }
}
