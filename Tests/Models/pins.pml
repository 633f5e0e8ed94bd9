// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Snapshots pin versions: what a pinned version sees isn't reused, whoever comes and goes meanwhile.
//
// Models SnapshotPins.swift (pin, unpin, hold, handOn, distribute) and AddressSpace.publish. Each write section makes
// one version and replaces a node that the one before saw: node n is visible in the versions from `made[n]` up to the
// one that replaced it. Proves that a node is given back once, and when no snapshot sees it; and that in the end
// nothing is held for nobody.
//
// Memory: the count and the version are sequentially consistent in both threads, all else is under the lock. So
// interleavings are enough; the mutants turn the two accesses round, as weaker orderings would.
// What waits for a grace period (retired nodes, `handOn`) is this: the call comes at any later time.
//
// Mutants, each of which must fail:
//   -DCOUNT_LATE       a snapshot loads the version before it is counted
//   -DLOOK_EARLY       the writer looks at the count before it publishes
//   -DFORGET_OLDER     what was held for a version that is gone is given back, though an older one may see it
//   -DHOLD_BLINDLY     `hold` doesn't look whether its version is still pinned
//   -DHOLD_NOTHING     the writer retires whatever it has replaced

#ifndef WRITES
#define WRITES 3
#endif
#ifndef SNAPSHOTS
#define SNAPSHOTS 3
#endif
#define VERSIONS 5
#define NONE 255

byte current = 1;
byte snapshotCount = 0;
// By version: snapshots of it, and the list of nodes that are held for it.
byte pinned[VERSIONS] = 0;
// By node, which has the number of the last version that sees it: where it is held, made since when, given back.
byte heldFor[VERSIONS] = 0;
byte made[VERSIONS] = 0;
bit isGiven[VERSIONS] = 0;
bit isHandedOn[VERSIONS] = 0;
byte handedFrom[VERSIONS] = 0;
byte ended = 0;

bit monitor = 0;
inline lock() { atomic { !monitor -> monitor = 1 } }
inline unlock() { monitor = 0; }

inline newestBefore(edit) {
  newest = edit;
  do
  :: newest > 0 -> newest--; if :: pinned[newest] > 0 -> break :: else fi
  :: else -> break
  od
}

inline giveBack(node) {
  assert(!isGiven[node]);
  isGiven[node] = 1;
}

// Whether a snapshot of `version` sees `node`.
#define SEES(version, node) (made[node] <= (version) && (version) <= (node))

proctype Snapshot() {
  byte version, node;
  lock();
#ifdef COUNT_LATE
  version = current;
  snapshotCount++;
#else
  snapshotCount++;
  version = current;
#endif
  pinned[version]++;
  unlock();
  // It looks at everything that it sees, again and again; twice is as good.
  byte round = 0;
  do
  :: round < 2 ->
    round++;
    atomic {
      node = 1;
      do
      :: node < VERSIONS -> assert(!(SEES(version, node) && made[node] > 0 && isGiven[node])); node++
      :: else -> break
      od;
      node = 0
    }
  :: else -> break
  od;
  lock();
  pinned[version]--;
  if
  :: pinned[version] == 0 ->
    // Its list is orphaned: handed on, after a grace period.
    atomic {
      node = 1;
      do
      :: node < VERSIONS ->
        if
        :: heldFor[node] == version && made[node] > 0 && !isGiven[node] && !isHandedOn[node] ->
          heldFor[node] = 0; isHandedOn[node] = 1; handedFrom[node] = version
        :: else
        fi;
        node++
      :: else -> break
      od;
      node = 0
    }
  :: else
  fi;
  snapshotCount--;
  unlock();
  atomic { ended++; version = 0; round = 0 }
}

// The reclaimer: `distribute`, for one node.
active proctype Reclaimer() {
  byte node, newest, edit;
end:
  do
  :: atomic {
      node = 1;
      do
      :: node < VERSIONS && isHandedOn[node] -> break
      :: node < VERSIONS && !isHandedOn[node] -> node++
      :: node == VERSIONS -> break
      od
    };
    if
    :: node < VERSIONS ->
      edit = handedFrom[node];
distributing:
#ifdef FORGET_OLDER
      newest = 0;
#else
      lock(); newestBefore(edit); unlock();
#endif
      if
      :: newest == 0 || made[node] > newest -> atomic { giveBack(node); isHandedOn[node] = 0 }
      :: else ->
        // `append`, if it is still pinned; else the next older one.
        lock();
        if
        :: pinned[newest] > 0 -> atomic { heldFor[node] = newest; isHandedOn[node] = 0 }; unlock()
        :: else -> unlock(); edit = newest; goto distributing
        fi
      fi;
      atomic { node = 0; newest = 0; edit = 0 }
    :: else ->
endIdle:
      atomic { (isHandedOn[1] || isHandedOn[2] || isHandedOn[3] || isHandedOn[4]); node = 0 }
    fi
  od
}

active proctype Writer() {
  byte version, newest, madeNow, old;
  bit isAnybody;
  version = 1;
  do
  :: version <= WRITES ->
    // Node `version` is what the old version saw last. It was made by that version, or is as old as the space.
    if :: madeNow = version :: madeNow = 1 fi;
    made[version] = madeNow;
#ifdef LOOK_EARLY
    isAnybody = snapshotCount > 0;
    current = version + 1;
#else
    current = version + 1;
    isAnybody = snapshotCount > 0;
#endif
    newest = 0;
#ifndef HOLD_NOTHING
    if
    :: isAnybody -> lock(); newestBefore(version + 1); unlock()
    :: else
    fi;
#endif
    if
    :: newest == 0 || made[version] > newest -> giveBack(version)
    :: else ->
      // `hold`
      lock();
#ifdef HOLD_BLINDLY
      heldFor[version] = newest; unlock()
#else
      if
      :: pinned[newest] > 0 -> heldFor[version] = newest; unlock()
      :: else -> unlock(); atomic { isHandedOn[version] = 1; handedFrom[version] = newest }
      fi
#endif
    fi;
    version++
  :: else -> break
  od;
  // In the end nothing is held for nobody: with the last snapshot, everything goes back.
  ended == SNAPSHOTS && !isHandedOn[1] && !isHandedOn[2] && !isHandedOn[3] && !isHandedOn[4];
  version = 1;
  do
  :: version <= WRITES -> assert(isGiven[version]); version++
  :: else -> break
  od
}

init {
  atomic {
    byte number = 0;
    do :: number < SNAPSHOTS -> run Snapshot(); number++ :: else -> break od
  }
}
