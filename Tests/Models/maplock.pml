// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// SpeculativeRWLock: a readers-writer lock whose writer may go over to reading, without another writer in between.
//
// Models SpeculativeRWLock.swift: `withWriteLock`, `withWriteLock(_:downgrade:)`, `stepAside`, `withReadLock`. pthread's lock
// is taken as it is documented, with writers or readers preferred. Proves that writers exclude all others, that what a
// downgrader has written is what it then reads, that speculation sees no half of a write, and that everybody comes
// through: no deadlock, and under weak fairness no waiting for ever.
//
// pthread's locks order memory; the counter's orderings are the kernel's seqcount's. So interleavings are enough.
//
// -DPREFER_READERS        the other preference
// Mutants, each of which must fail:
//   -DNO_STEPPING_ASIDE     a writer that finds a downgrade under way goes on
//   -DCLEAR_EARLY           the downgrade is over before the read lock is taken
//   -DNO_MUTEX              a writer that steps aside doesn't wait, but tries again: a cycle without progress
//   -DEVEN_LATE             the write section ends after the lock was released
//   -DNO_COUNTER            speculation doesn't validate

#ifndef DOWNGRADERS
#define DOWNGRADERS 2
#endif
#ifndef WRITERS
#define WRITERS 2
#endif

// pthread_rwlock_t
byte readers = 0;
bit isWriting = 0;
byte waitingWriters = 0;
// `downgrade`, a pthread_mutex_t, and `isDowngrading`
bit isLocked = 0;
bit isDowngrading = 0;

byte sequence = 0;
// What the lock protects: two halves, which are equal outside of write sections.
byte first = 0, second = 0;

#ifdef PREFER_READERS
#define MAY_READ (!isWriting)
#else
#define MAY_READ (!isWriting && waitingWriters == 0)
#endif

inline lockForReading() { atomic { MAY_READ -> readers++ } }
inline unlockReading() { atomic { readers--; } }
inline wrlock() {
  atomic { waitingWriters++; }
  atomic { !isWriting && readers == 0 -> isWriting = 1; waitingWriters-- }
}
inline unlockWriting() { isWriting = 0; }
inline lockMutex() { atomic { !isLocked -> isLocked = 1 } }
inline unlockMutex() { isLocked = 0; }

inline lockForWriting() {
  wrlock();
#ifndef NO_STEPPING_ASIDE
  do
  :: isDowngrading ->
    unlockWriting();
#ifndef NO_MUTEX
    lockMutex();
    unlockMutex();
#endif
    wrlock()
  :: else -> break
  od
#endif
}

inline write(value) {
  assert(isWriting && readers == 0);
  assert((sequence & 1) == 0);
  sequence++;
  first = value;
  second = value;
}

proctype Writer(byte value) {
  lockForWriting();
  write(value);
#ifdef EVEN_LATE
  unlockWriting();
  sequence++;
#else
  sequence++;
  unlockWriting();
#endif
progress_done: skip
}

proctype Downgrader(byte value) {
  lockForWriting();
  write(value);
  lockMutex();
  assert(!isDowngrading);
  isDowngrading = 1;
  sequence++;
  unlockWriting();
#ifdef CLEAR_EARLY
  isDowngrading = 0;
  unlockMutex();
  lockForReading();
#else
  lockForReading();
  isDowngrading = 0;
  unlockMutex();
#endif
  assert(!isWriting && first == value && second == value);
  unlockReading();
progress_done: skip
}

proctype Reader() {
  byte found;
  lockForReading();
  assert(!isWriting);
  found = first;
  assert(second == found);
  unlockReading();
progress_done: skip
}

proctype Speculator() {
  byte begun, found, other;
  begun = sequence;
  if
  :: (begun & 1) == 0 ->
    found = first;
    other = second;
#ifdef NO_COUNTER
    assert(found == other);
#else
    if :: begun == sequence -> assert(found == other) :: else fi
#endif
  :: else
  fi
}

init {
  atomic {
    byte number = 0;
    do :: number < DOWNGRADERS -> run Downgrader(1 + number); number++ :: else -> break od;
    number = 0;
    do :: number < WRITERS -> run Writer(11 + number); number++ :: else -> break od;
    run Reader();
    run Speculator()
  }
}
