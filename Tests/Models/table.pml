// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// A bucket of the hash table: readers, writers of equal and of duplicate keys, and a move to another array, at the same
// time. All keys have the same tag, which is the worst case.
//
// Models TableStorage.swift (insert, append, exchange, move) and HashTable.find. Lines of two places each, in two
// arrays; each line but the first that gets empty is taken out of its bucket. Proves that a reader finds a key that always has a value, though each of its values goes; that it
// follows no address of a node that has been freed, or of none; that a key that two writers insert gets one value;
// and that no node is lost or doubled by a move.
//
// Memory: each datum is published by a releasing store and found by an acquiring load, so interleavings are enough; the
// mutants turn accesses round, as weaker orderings would. A node is freed when the readers that were inside when it was
// removed have left.
//
// Mutants, each of which must fail:
//   -DDUPLICATES_ANYWHERE  a duplicate comes to the first empty place
//   -DNO_LOOK              insert doesn't look at the tags once it has the lock
//   -DTAG_FIRST            the tag is stored before the address
//   -DMARK_FIRST           a bucket is marked as moved before its nodes are in the next array
//   -DKEEP_TAGS            the tags stay in the control word of a bucket that has moved
//   -DNO_LOCK_TO_MOVE      a bucket moves without its lock
//   -DNO_GRACE_PERIOD      a removed node is freed at once
//   -DCUT_OFF              a line that is taken out leads nowhere

#define PLACES 2
#define MOVED 4
#define NODES 7
// The first lines are 0 and 1, one for each array; the others are taken as they are needed.
#define LINES 10

// Key 1 is inserted by two writers, key 2 has duplicates, key 3 comes and goes.
byte keyOf[NODES];
bit freed[NODES] = 0;
byte control[LINES] = 0;
byte next[LINES] = 0;
byte address[20] = 0;
byte used = 2;
bit locked[2] = 0;
bit isReaderInside = 0;
byte readerSection = 0;
byte inserted = 0;
byte done = 0;

// Leaves the array of the bucket, 0 or 1, in `array`.
inline lock() {
  array = 0;
  do
  :: atomic { !locked[array] && !(control[array] & MOVED) -> locked[array] = 1; break }
  :: atomic { (control[array] & MOVED) && array == 0 -> array = 1 }
  od
}

inline unlock() { locked[array] = 0 }

inline put(where, node) {
  place = (control[where] & 1 -> 1 : 0);
  assert(!(control[where] & (1 << place)));
#ifdef TAG_FIRST
  control[where] = control[where] | (1 << place);
  address[where * PLACES + place] = node;
#else
  address[where * PLACES + place] = node;
  control[where] = control[where] | (1 << place);
#endif
}

#define IS_FULL(where) ((control[where] & 3) == 3)
#define HAS(where, i, key) ((control[where] & (1 << (i))) && keyOf[address[(where) * PLACES + (i)]] == (key))

// Puts a node into `line`, or, if there is none (NONE), into a new one after `last`.
#define NONE 255
inline putOrExtend(node) {
  if
  :: line == NONE ->
    atomic { line = used; used++; assert(used <= LINES) }
    next[last] = line
  :: else
  fi;
  put(line, node)
}

// Under the lock of `to`: in the first line with an empty place that comes after all lines with the same key.
inline append(to, node) {
  atomic {
    line = NONE;
    last = to;
    do
    :: true ->
      if :: line == NONE && !IS_FULL(last) -> line = last :: else fi;
#ifndef DUPLICATES_ANYWHERE
      if :: HAS(last, 0, keyOf[node]) || HAS(last, 1, keyOf[node]) -> line = NONE :: else fi;
#endif
      if :: next[last] == 0 -> break :: else -> last = next[last] fi
    od;
    skip
  }
  putOrExtend(node)
}

// Removes a node, which is there.
inline remove(node) {
  lock();
  atomic {
    last = array;
    line = array;
    place = 0;
    do
    :: (control[line] & (1 << place)) && address[line * PLACES + place] == node -> break
    :: else ->
      place++;
      if :: place == PLACES -> place = 0; last = line; line = next[line]; assert(line != 0) :: else fi
    od;
    skip
  }
  control[line] = control[line] & ~(1 << place);
  if
  :: control[line] == 0 && line != array ->
    next[last] = next[line];
#ifdef CUT_OFF
    next[line] = 0
#endif
  :: else
  fi;
  unlock();
#ifndef NO_GRACE_PERIOD
  section = readerSection;
  !isReaderInside || readerSection != section;
#endif
  freed[node] = 1
}

proctype Inserter(byte node) {
  byte array, line, last, place;
  bit isThere = 0;
  lock();
  atomic {
    line = NONE;
    last = array;
    do
    :: true ->
#ifndef NO_LOOK
      if :: HAS(last, 0, 1) || HAS(last, 1, 1) -> isThere = 1 :: else fi;
#endif
      if :: line == NONE && !IS_FULL(last) -> line = last :: else fi;
      if :: next[last] == 0 -> break :: else -> last = next[last] fi
    od;
    skip
  }
  if
  :: isThere
  :: else ->
    putOrExtend(node);
    inserted++
  fi;
  unlock();
  done++
}

// Adds a duplicate, then removes the one before: the key always has a value.
proctype Rotator() {
  byte array, line, last, place, section;
  lock(); append(array, 4); unlock();
  remove(3);
  lock(); append(array, 5); unlock();
  remove(4);
  done++
}

// Takes and leaves places.
proctype Visitor() {
  byte array, line, last, place, section;
  remove(6);
  done++
}

proctype Mover() {
  byte array, line, last, place, from, i;
#ifdef NO_LOCK_TO_MOVE
  array = 0;
#else
  lock();
  assert(array == 0);
#endif
#ifdef MARK_FIRST
  byte old = control[0];
  control[0] = MOVED;
#endif
  from = 0;
  i = 0;
  do
  :: true ->
#ifdef MARK_FIRST
    if
    :: (from == 0 && (old & (1 << i))) || (control[from] & (1 << i)) -> append(1, address[from * PLACES + i])
    :: else
    fi;
#else
    if
    :: control[from] & (1 << i) -> append(1, address[from * PLACES + i])
    :: else
    fi;
#endif
    i++;
    if
    :: i == PLACES ->
      i = 0;
      if :: next[from] == 0 -> break :: else -> from = next[from] fi
    :: else
    fi
  od;
#ifdef KEEP_TAGS
  control[0] = control[0] | MOVED;
#else
  control[0] = MOVED;
#endif
  locked[0] = 0;
  done++
}

proctype Reader() {
  byte line, seen, i, node;
  byte rounds = 0;
  bit isFound;
  do
  :: rounds < 2 ->
    rounds++;
    isReaderInside = 1;
    line = 0;
    isFound = 0;
    do
    :: seen = control[line];
      i = 0;
      do
      :: i < PLACES && (seen & (1 << i)) && !isFound ->
        node = address[line * PLACES + i];
        assert(node != 0);
        atomic { assert(!freed[node]); isFound = (keyOf[node] == 2) };
        i++
      :: i < PLACES && !((seen & (1 << i)) && !isFound) -> i++
      :: else -> break
      od;
      if
      :: isFound -> break
      :: !isFound && (seen & MOVED) -> line = 1
      :: else ->
        line = next[line];
        if :: line == 0 -> break :: else fi
      fi
    od;
    assert(isFound);
    atomic { isReaderInside = 0; readerSection++ }
  :: else -> break
  od;
  done++
}

init {
  atomic {
    keyOf[1] = 1; keyOf[2] = 1; keyOf[3] = 2; keyOf[4] = 2; keyOf[5] = 2; keyOf[6] = 3;
    // Nodes 6 and 3, in this order, in the first line.
    address[0] = 6; address[1] = 3; control[0] = 3;
    run Inserter(1);
#ifdef TWO_INSERTERS
    run Inserter(2);
#else
    run Rotator(); run Visitor(); run Reader();
#endif
    run Mover()
  }
#ifdef TWO_INSERTERS
  done == 3;
#else
  done == 5;
#endif
  // What is there once everybody has finished.
  atomic {
    byte i, line, count[NODES];
    line = 1;
    do
    :: true ->
      i = 0;
      do
      :: i < PLACES ->
        if
        :: control[line] & (1 << i) -> count[keyOf[address[line * PLACES + i]]]++
        :: else
        fi;
        i++
      :: else -> break
      od;
      if :: next[line] == 0 -> break :: else -> line = next[line] fi
    od;
    assert(inserted == 1 && count[1] == 1);
    assert(count[2] == 1);
#ifdef TWO_INSERTERS
    assert(count[3] == 1)
#else
    assert(count[3] == 0)
#endif
  }
}
