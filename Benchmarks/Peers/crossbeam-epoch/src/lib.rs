// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

//! crossbeam-epoch (Debian: librust-crossbeam-epoch-dev), by the interface of `peer.h`.
//!
//! Threads pin by a handle of their own, not by `crossbeam_epoch::pin()`, which would look up a
//! thread-local variable of a shared library each time: a program in Rust doesn't pay that.

use crossbeam_epoch::{default_collector, Atomic, LocalHandle, Owned};
use std::os::raw::{c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// `PEER_NODE_BYTES`.
struct Node {
    words: [i64; 8],
}

impl Node {
    fn new() -> Self {
        Node { words: [1; 8] }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        FREED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Exchanged by `retire`, loaded by `read`. Null until the first thread enters.
static CURRENT: Atomic<Node> = Atomic::null();
static RETIRED: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

#[repr(C)]
pub struct Peer {
    version: extern "C" fn() -> *const c_char,
    enter_thread: extern "C" fn() -> *mut c_void,
    leave_thread: unsafe extern "C" fn(*mut c_void),
    read: unsafe extern "C" fn(*mut c_void, usize) -> i64,
    synchronize: Option<unsafe extern "C" fn(*mut c_void, usize)>,
    retire: unsafe extern "C" fn(*mut c_void, usize),
    drain: unsafe extern "C" fn(*mut c_void) -> u64,
}

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static baselines_peer_functions: Peer = Peer {
    version,
    enter_thread,
    leave_thread,
    read,
    // It has no call that waits for a grace period.
    synchronize: None,
    retire,
    drain,
};

extern "C" fn version() -> *const c_char {
    concat!(env!("PEER_VERSION"), "\0").as_ptr() as *const c_char
}

extern "C" fn enter_thread() -> *mut c_void {
    let handle = default_collector().register();
    {
        let guard = handle.pin();
        if CURRENT.load(Ordering::Acquire, &guard).is_null() {
            CURRENT.store(Owned::new(Node::new()), Ordering::Release);
        }
    }
    Box::into_raw(Box::new(handle)) as *mut c_void
}

unsafe extern "C" fn leave_thread(record: *mut c_void) {
    drop(Box::from_raw(record as *mut LocalHandle));
}

unsafe extern "C" fn read(record: *mut c_void, count: usize) -> i64 {
    let handle = &*(record as *const LocalHandle);
    let mut sum = 0;
    for _ in 0..count {
        let guard = handle.pin();
        sum += CURRENT.load(Ordering::Acquire, &guard).deref().words[0];
    }
    sum
}

unsafe extern "C" fn retire(record: *mut c_void, count: usize) {
    let handle = &*(record as *const LocalHandle);
    for _ in 0..count {
        let guard = handle.pin();
        let old = CURRENT.swap(Owned::new(Node::new()), Ordering::AcqRel, &guard);
        guard.defer_destroy(old);
    }
    RETIRED.fetch_add(count as u64, Ordering::Relaxed);
}

unsafe extern "C" fn drain(record: *mut c_void) -> u64 {
    let handle = &*(record as *const LocalHandle);
    while FREED.load(Ordering::Acquire) < RETIRED.load(Ordering::Relaxed) {
        handle.pin().flush();
    }
    FREED.load(Ordering::Relaxed)
}
