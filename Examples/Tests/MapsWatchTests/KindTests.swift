// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Testing
import VirtualMemory

@testable import maps_watch

/// What a mapping is for follows from its line.
@Suite struct KindTests {
  static let cases: [(VMA, MappingKind)] = [
    (.pages(1, 1, [.read, .execute], inode: 7, name: "/lib/a.so"), .code),
    (.pages(1, 1, [.execute]), .code),
    (.pages(1, 1, [.read, .execute], shared: true, inode: 7, name: "/lib/a.so"), .code),
    (.pages(1, 1, [.read, .write], inode: 7, name: "/lib/a.so"), .data),
    (.pages(1, 1, [.read], inode: 7, name: "/lib/a.so"), .file),
    (.pages(1, 1, [.read], inode: 7, name: "/lib/a.so (deleted)"), .file),
    (.pages(1, 1, [], inode: 7, name: "/lib/a.so"), .reserved),
    (.pages(1, 1, []), .reserved),
    (.pages(1, 1, [.read, .write], name: "[heap]"), .heap),
    (.pages(1, 1, [.read, .write], name: "[stack]"), .stack),
    (.pages(1, 1, [.read, .write]), .anonymous),
    (.pages(1, 1, [.read]), .anonymous),
    (.pages(1, 1, [.read, .write], name: "[anon:arena]"), .anonymous),
    (.pages(1, 1, [.read, .write], shared: true, inode: 7, name: "[anon_shmem:ring]"), .shared),
    (.pages(1, 1, [.read, .write], shared: true, inode: 7, name: "/dev/zero (deleted)"), .shared),
    (.pages(1, 1, [.read], shared: true, inode: 7, name: "/cache"), .shared),
    (.pages(1, 1, [.read, .execute], name: "[vdso]"), .kernel),
    (.pages(1, 1, [.read], name: "[vvar]"), .kernel),
    // What is writable and executable is that before all else.
    (.pages(1, 1, [.read, .write, .execute]), .writableExecutable),
    (.pages(1, 1, [.write, .execute], inode: 7, name: "/lib/a.so"), .writableExecutable),
    (.pages(1, 1, [.read, .write, .execute], name: "[stack]"), .writableExecutable),
    (.pages(1, 1, [.read, .write, .execute], shared: true), .writableExecutable),
    // A file may be called anything.
    (.pages(1, 1, [.read], inode: 7, name: "/tmp/[heap]"), .file),
  ]

  @Test(arguments: cases)
  func kind(_ vma: VMA, _ expected: MappingKind) {
    #expect(MappingKind(vma) == expected)
  }

  @Test func lettersAndTitlesTellKindsApart() {
    #expect(Set(MappingKind.allCases.map(\.letter)).count == MappingKind.allCases.count)
    #expect(Set(MappingKind.allCases.map(\.title)).count == MappingKind.allCases.count)
    #expect(MappingKind.allCases.map(\.index) == Array(0..<MappingKind.allCases.count))
  }
}
