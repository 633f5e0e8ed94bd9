// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A Ref can't be returned inside something else, or through another generic function.
// error: TheTupleType' requires that
// error: 'withReadSection' on 'Optional' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int>'
// error: 'withReadSection' on 'Result' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int>'
// error: 'withReadSection' requires that 'Kept' conform to 'Escapable'
// error: 'run' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int>' conform to 'Escapable'
// error: type 'any ~Escapable' cannot conform to 'Escapable'
// error: a function cannot return a ~Escapable result
// error: 'withReadSection' requires that 'RCUDomain<BulletproofFlavor>.Ref<Int>'
// error: 'withReadSection' on 'Optional' requires that 'SleepableRCU.Ref<Int>'
// error: 'withReadSection' requires that 'SleepableRCU.ReadSection' conform to 'Escapable'
import ReadCopyUpdate

enum Kept: ~Escapable { case ref(RCU.Ref<Int>) }

func run<R>(_ body: (RCU.ReadSection) -> R) -> R { RCU.withReadSection(body) }

func leak(_ pointer: borrowing RCU.Pointer<Int>) {
  let tuple: (RCU.Ref<Int>, Int) = RCU.withReadSection { (pointer.load(in: $0)!, 1) }
  let optional: RCU.Ref<Int>? = RCU.withReadSection { pointer.load(in: $0) }
  let result: Result<RCU.Ref<Int>, Never> = RCU.withReadSection { .success(pointer.load(in: $0)!) }
  let payload: Kept = RCU.withReadSection { .ref(pointer.load(in: $0)!) }
  let generic: RCU.Ref<Int> = run { pointer.load(in: $0)! }
  let existential: any ~Escapable = RCU.withReadSection { pointer.load(in: $0)! }
}

func opaque(_ pointer: borrowing RCU.Pointer<Int>) -> some ~Escapable {
  RCU.withReadSection { section -> RCU.Ref<Int> in pointer.load(in: section)! }
}

func leak(_ domain: SleepableRCU, _ pointer: borrowing SleepableRCU.Pointer<Int>) async {
  let optional: SleepableRCU.Ref<Int>? = await domain.withReadSection { section in
    await Task.yield()
    return pointer.load(in: section)
  }
  let section: SleepableRCU.ReadSection = domain.withReadSection { $0 }
}
