// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// No closure that outlives the section has a Ref, however the closure is written.
// error: lifetime-dependent variable 'wrapped' escapes its scope
// error: lifetime-dependent variable 'local' escapes its scope
// error: lifetime-dependent value escapes its scope
// error: lifetime-dependent variable 'lazily' escapes its scope
// error: lifetime-dependent variable 'stored' escapes its scope
// error: lifetime-dependent variable 'global' escapes its scope
// error: lifetime-dependent variable 'iterated' escapes its scope
// error: lifetime-dependent variable 'argument' escapes its scope
// error: lifetime-dependent variable 'existential' escapes its scope
// error: lifetime-dependent variable 'self' escapes its scope
// error: lifetime-dependent variable 'self' escapes its scope
// error: lifetime-dependent variable 'generic' escapes its scope
// error: lifetime-dependent variable 'suspended' escapes its scope
import ReadCopyUpdate

func keep(_ read: @autoclosure @escaping () -> Int) -> () -> Int { read }

extension RCU.Ref where Value == Int { func read() -> Int { value } }

nonisolated(unsafe) var kept: () -> Int = { 0 }

func autoclosure(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let wrapped = pointer.load(in: section)!
    return keep(wrapped.value)
  }
}

func localFunction(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in
    let local = pointer.load(in: section)!
    func read() -> Int { local.value }
    return read
  }
}

func captureList(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Int {
  RCU.withReadSection { section in { [listed = pointer.load(in: section)!] in listed.value } }
}

func sequence(_ pointer: borrowing RCU.Pointer<Int>) -> some Sequence<Int> {
  RCU.withReadSection { section in
    let lazily = pointer.load(in: section)!
    return [1].lazy.map { $0 + lazily.value }
  }
}

func variables(_ pointer: borrowing RCU.Pointer<Int>) {
  var closure = { 0 }
  RCU.withReadSection { section in
    let stored = pointer.load(in: section)!
    closure = { stored.value }
  }
  RCU.withReadSection { section in
    let global = pointer.load(in: section)!
    kept = { global.value }
  }
  _ = closure()
}

func iterator(_ pointer: borrowing RCU.Pointer<Int>) -> AnyIterator<Int> {
  RCU.withReadSection { section in
    let iterated = pointer.load(in: section)!
    return AnyIterator { iterated.value }
  }
}

func partial(_ argument: RCU.Ref<Int>) -> (Int) -> Int { { $0 + argument.value } }

func existential(_ pointer: borrowing RCU.Pointer<Int>) -> () -> Void {
  RCU.withReadSection { section in
    let existential: any ~Escapable = pointer.load(in: section)!
    return { _ = existential }
  }
}

func methods(_ pointer: borrowing RCU.Pointer<Int>) -> [() -> Int] {
  RCU.withReadSection { section in
    let ref = pointer.load(in: section)!
    let unapplied = RCU.Ref<Int>.read(ref)
    let applied = ref.read
    return [unapplied, applied]
  }
}

func curried<T: ~Escapable>(
  _ generic: T, _ read: @escaping (T) -> Int
) -> () -> Int { { read(generic) } }

func leak(
  _ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>
) async -> () -> Int {
  await domain.withReadSection { section in
    let suspended = pointer.load(in: section)!
    await Task.yield()
    return { suspended.value }
  }
}
