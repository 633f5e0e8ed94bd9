// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// SleepableRCU: sections that count themselves, and grace periods that wait until a half is quiet.
//
// Models SectionCounters.swift (begin, end, isQuiet, flip) and SleepableSource.swift (the three steps of a grace
// period). Proves that nothing is freed under a section, and that a grace period ends though sections go on
// beginning, if each section ends.
//
// Memory: a read-modify-write is two steps, its load and its store, between which no other one of the same
// counter comes; a plain load may. One that only acquires may have its store delayed beyond the loads that follow it;
// one that only releases may load before earlier stores are seen. So arm64's LDXR and STXR; x86-64 has fewer
// behaviours. Loads that acquire, and stores that release, take effect in their order.
//
// -DLIVENESS: sections go on for ever; run with weak fairness, and look for a cycle without progress.
//
// Mutants, each of which must fail:
//   -DSUM_BEGINNINGS_FIRST  a look sums the beginnings before the ends
//   -DPLAIN_LOOK            a look reads the beginnings by plain loads
//   -DONE_HALF              a grace period waits for the half that it turns away from only
//   -DNO_GRACE_PERIOD       nothing is waited for
//   -DEARLY_END             a section's end is seen before its loads are done: no release
//   -DNO_FLIP               (liveness) the index stays

#ifndef READERS
#define READERS 2
#endif
#ifndef SECTIONS
#define SECTIONS 2
#endif
#ifdef LIVENESS
#define SHARDS 1
#else
#define SHARDS 2
#endif
#ifndef GRACE_PERIODS
#define GRACE_PERIODS 2
#endif

#ifdef LIVENESS
// Sections go on for ever, and counters must not. At most two are open at once, so sums aren't equal by chance.
#define ADD(counter) counter = (counter + 1) % 4
#else
#define ADD(counter) counter++
#endif

#define COUNTER(half, shard) ((half) * SHARDS + (shard))

byte index = 0;
byte beginnings[4] = 0;
byte ends[4] = 0;
// A read-modify-write is under way.
bit busy[4] = 0;

byte current = 0;
bit freed[4] = 0;
byte writersLeft = 1;

inline anyShard() {
#if SHARDS == 1
  shard = 0
#else
  if :: shard = 0 :: shard = 1 fi
#endif
}

proctype Reader() {
  byte half, shard, found, section;
  bit counted, loaded;
  section = 0;
  do
  :: section < SECTIONS ->
#ifndef LIVENESS
    section++;
#endif
    // Preempted here, for as long as one likes, `half` is out of date.
    half = index;
    anyShard();
#ifdef LIVENESS
    atomic { ADD(beginnings[half]); found = 0 };
#else
    // `begin`: the increment acquires. Its store may come after the load of the pointer.
    atomic { !busy[COUNTER(half, shard)] -> busy[COUNTER(half, shard)] = 1 }
    counted = 0; loaded = 0;
    do
    :: !counted -> atomic {
        ADD(beginnings[COUNTER(half, shard)]);
        busy[COUNTER(half, shard)] = 0;
        counted = 1;
      }
    :: !loaded -> atomic { found = current; loaded = 1 }
    :: counted && loaded -> break
    od;
#endif
    // Ends at any processor.
    anyShard();
    // `end`: the increment releases.
#ifdef EARLY_END
    atomic { ADD(ends[COUNTER(half, shard)]) };
    assert(!freed[found]);
#else
    atomic { assert(!freed[found]); ADD(ends[COUNTER(half, shard)]) };
#endif
    found = 0; half = 0; shard = 0;
  :: else -> break
  od
}

// Sums the ends: loads that acquire.
inline sumEnds(half) {
  sum = ends[COUNTER(half, 0)];
#if SHARDS == 2
  sum = sum + ends[COUNTER(half, 1)];
#endif
}

// One counter of beginnings: a read-modify-write that adds nothing, and releases. The store that is seen last, the
// pointer's, may still be on its way while this loads, and not when this stores.
inline lookAt(counter) {
#ifdef PLAIN_LOOK
  other = other + beginnings[counter];
#else
  atomic { !busy[counter] -> busy[counter] = 1; other = other + beginnings[counter] };
  publish();
  busy[counter] = 0;
#endif
}

inline sumBeginnings(half) {
  other = 0;
  lookAt(COUNTER(half, 0));
#if SHARDS == 2
  lookAt(COUNTER(half, 1));
#endif
}

// The exchange of the pointer is seen by all, at the latest now.
inline publish() {
  if
  :: isOnItsWay -> atomic { current = version; isOnItsWay = 0 }
  :: else
  fi
}

inline isQuiet(half) {
  atomic { sum = 0; other = 0 }
#ifdef SUM_BEGINNINGS_FIRST
  sumBeginnings(half);
  sumEnds(half);
#else
  sumEnds(half);
  sumBeginnings(half);
#endif
#ifdef LIVENESS
  sum = sum % 4; other = other % 4;
#endif
}

inline awaitQuiet(half) {
  do
  :: isQuiet(half);
    if :: sum == other -> break :: else fi
  od
}

active proctype Writer() {
  byte version = 0, sum, other, turned;
  bit isOnItsWay = 0;
  do
  :: version < GRACE_PERIODS ->
    version++;
    isOnItsWay = 1;
    // The exchange's store is seen sometime: now, or by the first look's stores.
#ifdef LIVENESS
    publish();
#else
    if :: publish() :: skip fi;
#endif
#ifdef NO_GRACE_PERIOD
    publish();
#else
#ifndef ONE_HALF
    awaitQuiet(1 - index);
#endif
    isQuiet(index);
    if
    :: sum == other
    :: else ->
      turned = index;
#ifndef NO_FLIP
      index = 1 - index;
#endif
      awaitQuiet(turned)
    fi;
    turned = 0; sum = 0; other = 0;
    publish();
#endif
#ifdef LIVENESS
progress_ended:
    // The next one.
    atomic { version = 0; current = 0 }
#else
    freed[version - 1] = 1
#endif
  :: else -> break
  od
}

init {
  atomic {
    byte reader = 0;
    do
    :: reader < READERS -> run Reader(); reader++
    :: else -> break
    od
  }
}
