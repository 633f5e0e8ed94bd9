// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// liburcu's names say what they are called here.
// error: 'rcu_read_lock()' has been renamed to 'withReadSection(_:)'
// error: 'rcu_read_unlock()' has been renamed to 'withReadSection(_:)'
// error: 'synchronize_rcu()' has been renamed to 'synchronize()'
// error: 'call_rcu()' has been renamed to 'afterGracePeriod(bytes:mayWait:_:)'
// error: 'rcu_barrier()' has been renamed to 'barrier()'
import ReadCopyUpdate

func read() {
  RCU.rcu_read_lock()
  RCU.rcu_read_unlock()
  RCU.synchronize_rcu()
  RCU.call_rcu()
  RCU.rcu_barrier()
}
