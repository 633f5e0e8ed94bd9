// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

// Watching the readers: a writer that looks at the readers' words, and finds out when nobody can see any more what it
// has replaced.
//
// Models CShims/_RCUShims: `rcushims_bp_read_lock`, `open_fenced`, `rcushims_is_snapshot_section` (rcushims_readers.h,
// sections.c); `rcushims_start_grace_period`, `rcushims_scan_readers`, `scan_registry`, `end_scan`,
// `rcushims_has_passed`, `rcushims_has_passed_since` (scan.c); and what NodePool+GracePeriods.swift does with them. Proves that no block is
// reused that a reader follows; that a section which began after a look is told from one that was open in it, so that
// a reader which leaves is noticed, however soon it comes back; and that a snapshot reader holds up nothing that
// was published after a watch that it hasn't seen.
//
// Sections are light (no fence), fenced, fenced and becoming light, or snapshot; a signal handler's section may come
// anywhere in them, or between the steps of their beginning.
//
// Memory. A reader is a list of operations, which take effect one at a time, in any order in which no operation
// passes one that it must not pass (`isOrdered`): on x86-64 (-DTSO) a load may pass earlier stores; on arm64
// anything may pass anything, but for dependencies, acquiring loads, releasing stores, the order of one location,
// and fences. The writer's stores of the pointer, the mark and its number are on their way until a fence, and are
// seen in their order (TSO) or in any. `membarrier` interrupts a reader between two operations of its program: all
// before have taken effect, none after.
//
// -DTSO                  x86-64; else arm64
// -DFENCES               a flavor without membarrier: each section has fences of its own (mb; bp and memb where the
//                        system has no membarrier)
// -DHANDLERS             handlers' sections
// -DREADERS=n -DSECTIONS=n -DPUBLICATIONS=n -DLOOKS=n
//
// Witnesses, each of which must be found:
//   -DWITNESS_SEALED       a block is reused beside a snapshot section that was open when its watch began
//   -DWITNESS_BACK         a block is reused beside a reader that has left, and is inside again
// Mutants, each of which must fail:
//   -DNO_MEMBARRIER        a watch doesn't interrupt light readers
//   -DONE_NOTE             it doesn't look at the words again after that
//   -DLIGHT_IF_INSIDE      it does so only if a light reader is seen inside
//   -DNO_READER_FENCE      fenced sections have none
//   -DNO_WRITER_FENCE      nor has the beginning of a watch
//   -DNO_MARK_CHANGE       looks don't change the mark: readers that come back aren't told from those that stay
//   -DNEW_EACH_LOOK        whoever is seen inside is taken for a new section
//   -DNO_NUMBER_CHECK      snapshot sections follow what they have loaded unchecked
//   -DCHECK_FIRST          they check before they load
//   -DSTAYS_SEALED         a section within a snapshot one doesn't unseal it
//   -DPLAIN_LOAD           (arm64, FENCES) pointers are loaded without acquiring
//   -DNO_END_FENCE         (arm64) a look ends without interrupting readers
// Not needed by these machines, but by the language's memory model, and by ThreadSanitizer:
//   -DPLAIN_STORE          fenced sections begin without releasing

#ifndef READERS
#define READERS 1
#endif
#ifndef SECTIONS
#define SECTIONS 2
#endif
#ifndef PUBLICATIONS
#define PUBLICATIONS 2
#endif
// Looks that a writer may take between two publications, and after the last.
#ifndef LOOKS
#define LOOKS 1
#endif
#define BLOCKS 5
#define OUTSIDE 255
#define NONE 255

// MARK: Memory

// The pointer leads to a block; `isReused`: that block isn't the one any more.
byte pointer = 0;
bit isReused[BLOCKS] = 0;
// rcushims_mark
byte mark = 0, number = 1;
// A reader's word, and its number if it is a snapshot section.
byte nesting[READERS] = 0;
bit isFenced[READERS] = 0;
bit isSnapshotSection[READERS] = 0;
byte wordMark[READERS] = 0;
byte snapshotNumber[READERS] = 0;
// Not in memory: the last look that had ended when the section of the word loaded the mark.
byte begunAfter[READERS] = 0;
byte lookEnded = 0;
// Not in memory: how much of a reader's program has taken effect, as a set.
int done[READERS] = 0;

// MARK: Readers

mtype = {
  LOAD_MARK, LOAD_NUMBER, STORE_NUMBER, OPEN_LIGHT, OPEN_FENCED, OPEN_BECOMING_LIGHT, OPEN_SEALED, FENCE,
  LOAD_POINTER, CHECK, FOLLOW, CLOSE, NEST, NEST_UNSEALING, UNNEST
}

#define IS_WORD(o) \
  ((o) == OPEN_LIGHT || (o) == OPEN_FENCED || (o) == OPEN_BECOMING_LIGHT || (o) == OPEN_SEALED || (o) == CLOSE || \
   (o) == NEST || (o) == NEST_UNSEALING || (o) == UNNEST)
#define IS_STORE(o) (IS_WORD(o) || (o) == STORE_NUMBER)
#define IS_LOAD(o) \
  ((o) == LOAD_MARK || (o) == LOAD_NUMBER || (o) == LOAD_POINTER || (o) == CHECK || (o) == FOLLOW)
#ifdef PLAIN_STORE
#define RELEASES(o) 0
#else
#define RELEASES(o) ((o) == OPEN_FENCED || (o) == OPEN_BECOMING_LIGHT || (o) == OPEN_SEALED)
#endif
#ifdef PLAIN_LOAD
#define ACQUIRES(o) 0
#else
#define ACQUIRES(o) ((o) == LOAD_POINTER)
#endif
#define OPENS(o) \
  ((o) == OPEN_LIGHT || (o) == OPEN_FENCED || (o) == OPEN_BECOMING_LIGHT || (o) == OPEN_SEALED)

// Whether operation i, of section t, must not take effect before the earlier j, of section s.
#ifdef TSO
#define IS_ORDERED(j, s, i, t) ((j) == FENCE || (i) == FENCE || !(IS_STORE(j) && IS_LOAD(i)))
#else
#define IS_ORDERED(j, s, i, t) \
  ((j) == FENCE || (i) == FENCE || ACQUIRES(j) || RELEASES(i) || (IS_WORD(j) && IS_WORD(i)) || \
   ((j) == LOAD_MARK && ((i) == LOAD_MARK || ((s) == (t) && OPENS(i)))) || \
   (((j) == LOAD_NUMBER || (j) == CHECK) && ((i) == LOAD_NUMBER || (i) == CHECK)) || \
   ((j) == LOAD_NUMBER && (i) == STORE_NUMBER) || \
   ((j) == LOAD_POINTER && (i) == LOAD_POINTER) || ((j) == LOAD_POINTER && (s) == (t) && (i) == FOLLOW))
#endif

#define REGISTERS (2 * SECTIONS)
#ifndef OPERATIONS_MAX
#define OPERATIONS_MAX 24
#endif

inline push(o, s) {
  program[count] = o;
  section[count] = s;
  count++;
}

#ifdef NO_READER_FENCE
#define PUSH_FENCE(s) skip
#else
#define PUSH_FENCE(s) push(FENCE, s)
#endif
#ifdef FENCES
#define PUSH_LIGHT_FENCE(s) PUSH_FENCE(s)
#define PUSH_END_FENCE(s) push(FENCE, s)
#else
#define PUSH_LIGHT_FENCE(s) skip
#define PUSH_END_FENCE(s) skip
#endif

// A handler's section, on a thread that is outside; `isLight`: it has been light in the last section.
inline pushHandlerOutside(s) {
  push(LOAD_MARK, s);
  if
  :: isLight -> push(OPEN_LIGHT, s); PUSH_LIGHT_FENCE(s)
  :: !isLight -> push(OPEN_FENCED, s); PUSH_FENCE(s)
  fi;
  push(LOAD_POINTER, s);
  push(FOLLOW, s);
  PUSH_END_FENCE(s);
  push(CLOSE, s);
  PUSH_END_FENCE(s)
}

// The same within a section.
inline pushHandlerInside(s) {
  if
  :: isLight -> push(NEST, s)
  :: !isLight && !isSnapshotSectionNow -> push(NEST, s); push(FENCE, s)
  :: !isLight && isSnapshotSectionNow ->
#ifdef STAYS_SEALED
    push(NEST, s);
#else
    push(NEST_UNSEALING, s);
#endif
    push(FENCE, s)
  fi;
  push(LOAD_POINTER, s);
  push(FOLLOW, s);
  push(UNNEST, s)
}

#ifdef HANDLERS
#define HANDLER_OUTSIDE(p, s) if :: place == p -> pushHandlerOutside(s) :: else fi
#define HANDLER_INSIDE(p, s) if :: place == p -> pushHandlerInside(s) :: else fi
#else
#define HANDLER_OUTSIDE(p, s) skip
#define HANDLER_INSIDE(p, s) skip
#endif
proctype Reader(byte me) {
  mtype program[OPERATIONS_MAX];
  byte section[OPERATIONS_MAX];
  // Those that an operation must not pass, as a set.
  int earlier[OPERATIONS_MAX];
  // What a section has loaded.
  byte markFound[REGISTERS], numberFound[REGISTERS], found[REGISTERS], begun[REGISTERS];
  bit isSure[REGISTERS], isWrong[REGISTERS], isToBeChecked[REGISTERS];
  // The operations of a section, as a set.
  int operations[REGISTERS];
  byte count, index, other, place, number_;
  bit isLight, isSnapshotSectionNow;

  // The program: each section of any kind that a thread in its state may open.
  atomic {
    // A thread is light or fenced before.
    if
    :: isLight = 0; isFenced[me] = 1
    :: isLight = 1; isFenced[me] = 0
    fi;
    do
    :: number_ < SECTIONS ->
#ifdef HANDLERS
      if :: place = 0 :: place = 1 :: place = 2 :: place = 3 :: place = 4 fi;
#endif
      push(LOAD_MARK, number_);
      if
      :: isLight ->
        HANDLER_OUTSIDE(1, SECTIONS + number_);
        push(OPEN_LIGHT, number_); PUSH_LIGHT_FENCE(number_)
      :: !isLight ->
        HANDLER_OUTSIDE(1, SECTIONS + number_);
        push(OPEN_BECOMING_LIGHT, number_); PUSH_FENCE(number_);
        isLight = 1
      :: HANDLER_OUTSIDE(1, SECTIONS + number_);
        push(OPEN_FENCED, number_); PUSH_FENCE(number_);
        isLight = 0
      :: push(LOAD_NUMBER, number_); push(STORE_NUMBER, number_);
        HANDLER_OUTSIDE(1, SECTIONS + number_);
        push(OPEN_SEALED, number_); PUSH_FENCE(number_);
        isLight = 0;
        isSnapshotSectionNow = 1;
        isToBeChecked[number_] = 1
      fi;
      HANDLER_INSIDE(2, SECTIONS + number_);
#ifdef CHECK_FIRST
      if :: isSnapshotSectionNow -> push(CHECK, number_) :: else fi;
#endif
      push(LOAD_POINTER, number_);
#ifndef CHECK_FIRST
      if :: isSnapshotSectionNow -> push(CHECK, number_) :: else fi;
#endif
      HANDLER_INSIDE(3, SECTIONS + number_);
      push(FOLLOW, number_);
      HANDLER_INSIDE(4, SECTIONS + number_);
      PUSH_END_FENCE(number_);
      push(CLOSE, number_);
      PUSH_END_FENCE(number_);
      isSnapshotSectionNow = 0;
      number_++
    :: else -> break
    od;
    assert(count <= OPERATIONS_MAX);
    index = 0;
    do
    :: index < count ->
      operations[section[index]] = operations[section[index]] | (1 << index);
      other = 0;
      do
      :: other < index ->
        if
        :: IS_ORDERED(program[other], section[other], program[index], section[index]) ->
          earlier[index] = earlier[index] | (1 << other)
        :: else
        fi;
        other++
      :: else -> break
      od;
      index++
    :: else -> break
    od;
    index = 0; other = 0; place = 0; number_ = 0; isLight = 0
  };

  // It runs.
  do
  :: done[me] == (1 << count) - 1 -> break
  :: else ->
    atomic {
      // Any operation that may take effect now.
      index = 0;
      do
      :: index < count && !(done[me] & (1 << index)) && (earlier[index] & ~done[me]) == 0 -> break
      :: index < count -> index++
      :: index == count -> goto again
      od;
      number_ = section[index];
      if
      :: program[index] == LOAD_MARK -> markFound[number_] = mark; begun[number_] = lookEnded
      :: program[index] == LOAD_NUMBER -> numberFound[number_] = number
      :: program[index] == STORE_NUMBER -> snapshotNumber[me] = numberFound[number_]
      :: OPENS(program[index]) ->
        nesting[me] = 1;
        isFenced[me] = program[index] == OPEN_FENCED || program[index] == OPEN_SEALED;
        isSnapshotSection[me] = program[index] == OPEN_SEALED;
        wordMark[me] = markFound[number_];
        begunAfter[me] = begun[number_]
      :: program[index] == FENCE
      :: program[index] == LOAD_POINTER -> found[number_] = pointer
      :: program[index] == CHECK -> isSure[number_] = number == numberFound[number_]
      :: program[index] == FOLLOW -> isWrong[number_] = isReused[found[number_]]
      :: program[index] == CLOSE -> nesting[me] = 0
      :: program[index] == NEST -> nesting[me]++
      :: program[index] == NEST_UNSEALING -> nesting[me]++; isSnapshotSection[me] = 0
      :: program[index] == UNNEST -> nesting[me]--
      fi;
      done[me] = done[me] | (1 << index);
#ifdef NO_NUMBER_CHECK
      assert(!isWrong[number_]);
#else
      // A snapshot section follows only what it has checked; what the processor has guessed doesn't count.
      assert(!isWrong[number_] || (isToBeChecked[number_] && !isSure[number_]));
#endif
      // What it has loaded is over with it.
      if
      :: (operations[number_] & ~done[me]) == 0 ->
        markFound[number_] = 0; numberFound[number_] = 0; found[number_] = 0; begun[number_] = 0;
        isSure[number_] = 0; isWrong[number_] = 0; isToBeChecked[number_] = 0
      :: else
      fi;
again:
      index = 0; number_ = 0
    }
  od
}

// MARK: The writer

// A batch of one block: how far it is. Also of the writer's own: the stamp of the last scan, what scans have noted.
byte look = 0;
byte since[READERS] = OUTSIDE;
byte notedMark[READERS] = 0;
// By block: the stamp of the watch that it waits for, and of the last watch that had begun when it was published.
byte watchLook[BLOCKS] = 0;
byte earlierNumber[BLOCKS] = 0;

// What the writer has stored, and others may not see yet.
byte pointerNow = 0, markNow = 0, numberNow = 1;
bit pointerIsUnderWay = 0, markIsUnderWay = 0, numberIsUnderWay = 0;

inline arrive() {
  if
  :: pointerIsUnderWay -> pointer = pointerNow; pointerIsUnderWay = 0
#ifdef TSO
  :: !pointerIsUnderWay && markIsUnderWay -> mark = markNow; markIsUnderWay = 0
  :: !pointerIsUnderWay && !markIsUnderWay && numberIsUnderWay -> number = numberNow; numberIsUnderWay = 0
#else
  :: markIsUnderWay -> mark = markNow; markIsUnderWay = 0
  :: numberIsUnderWay -> number = numberNow; numberIsUnderWay = 0
#endif
  fi
}

// Stores arrive at any time.
active proctype Memory() {
end:
  do
  :: atomic { (pointerIsUnderWay || markIsUnderWay || numberIsUnderWay) -> arrive() }
  od
}

#define NOTHING_IS_UNDER_WAY (!pointerIsUnderWay && !markIsUnderWay && !numberIsUnderWay)

inline changeMark() {
#ifndef NO_MARK_CHANGE
  atomic { markNow++; markIsUnderWay = 1 }
#endif
  atomic { numberNow++; numberIsUnderWay = 1 }
}

// membarrier, for one reader: between two operations of its program.
#define IS_BETWEEN(set) ((set & (set + 1)) == 0)

inline interrupt() {
#ifndef FENCES
  reader = 0;
  do
  :: reader < READERS -> atomic { IS_BETWEEN(done[reader]) -> reader++ }
  :: else -> break
  od
#else
  skip
#endif
}

inline noteReaders() {
  atomic { oldest = OUTSIDE; oldestOpen = OUTSIDE; isAnybodyLight = 0; reader = 0 };
  do
  :: reader < READERS ->
    isOpen = 0;
    atomic {
#ifdef LIGHT_IF_INSIDE
      if :: !isFenced[reader] && nesting[reader] > 0 -> isAnybodyLight = 1 :: else fi;
#else
      if :: !isFenced[reader] -> isAnybodyLight = 1 :: else fi;
#endif
      numberSeen[reader] = NONE;
      if
      :: nesting[reader] == 0 -> since[reader] = OUTSIDE
      :: else ->
        if
#ifdef NEW_EACH_LOOK
        :: true -> since[reader] = look
#else
        :: since[reader] == OUTSIDE || wordMark[reader] != notedMark[reader] ->
          since[reader] = look;
          notedMark[reader] = wordMark[reader]
        :: else
#endif
        fi;
        isOpen = !isSnapshotSection[reader];
        // A section that began after a look is another one than that which was open then.
        block = 0;
        do
        :: block < BLOCKS ->
          assert(watchLook[block] == 0 || begunAfter[reader] < watchLook[block] || since[reader] > watchLook[block]);
          block++
        :: else -> break
        od;
        block = 0;
        if :: since[reader] < oldest -> oldest = since[reader] :: else fi;
        if :: isOpen && since[reader] < oldestOpen -> oldestOpen = since[reader] :: else fi;
        if :: !isOpen -> numberSeen[reader] = 0 :: else fi
      fi
    };
    // The number is loaded after the word.
    if
    :: numberSeen[reader] == 0 -> numberSeen[reader] = snapshotNumber[reader]
    :: else
    fi;
    reader++
  :: else -> break
  od
}

// Reuses the blocks whose grace period has passed: `has_passed_since`.
inline takeBack() {
  atomic {
    block = 0;
    do
    :: block < BLOCKS ->
      if
      :: watchLook[block] > 0 && !isReused[block] && watchLook[block] < oldestOpen ->
        passes = 1;
        isBesideSnapshotReader = 0;
        reader = 0;
        do
        :: reader < READERS ->
          if
          :: numberSeen[reader] != NONE && watchLook[block] >= since[reader] ->
            isBesideSnapshotReader = 1;
            if :: numberSeen[reader] >= earlierNumber[block] -> passes = 0 :: else fi
          :: else
          fi;
          reader++
        :: else -> break
        od;
        if
        :: passes ->
          isReused[block] = 1;
#ifdef WITNESS_SEALED
          assert(!isBesideSnapshotReader);
#endif
#ifdef WITNESS_BACK
          assert(nesting[0] == 0 || since[0] == OUTSIDE || since[0] <= watchLook[block]);
#endif
        :: else
        fi
      :: else
      fi;
      block++
    :: else -> break
    od;
    block = 0; reader = 0; passes = 0; isBesideSnapshotReader = 0
  }
}

inline endLook(isStart) {
  // A scan that begins a cookie always does: else a later one would have its stamp.
  if :: isStart || oldest != OUTSIDE -> changeMark() :: else fi;
#ifndef TSO
#ifndef NO_END_FENCE
  interrupt();
#endif
#endif
  // The lock's release.
  atomic { NOTHING_IS_UNDER_WAY -> lookEnded = look };
  takeBack();
  atomic {
    oldest = 0; oldestOpen = 0; isAnybodyLight = 0; isOpen = 0;
    reader = 0;
    do :: reader < READERS -> numberSeen[reader] = 0; reader++ :: else -> break od;
    reader = 0
  }
}

inline startWatch() {
  changeMark();
#ifndef NO_WRITER_FENCE
  NOTHING_IS_UNDER_WAY;
#endif
  look = numberNow;
  noteReaders();
  if
  :: isAnybodyLight ->
#ifndef NO_MEMBARRIER
    interrupt();
#endif
#ifndef ONE_NOTE
    noteReaders()
#endif
  :: else
  fi;
  watchLook[replaced] = look;
  lastNumber = look;
  endLook(1)
}

active proctype Writer() {
  byte published = 0, replaced, looks, lastNumber, reader, block, oldest, oldestOpen;
  byte numberSeen[READERS];
  bit isAnybodyLight, isOpen, passes, isBesideSnapshotReader;
  do
  :: published < PUBLICATIONS ->
    replaced = published;
    published++;
    earlierNumber[published] = lastNumber;
    atomic { pointerNow = published; pointerIsUnderWay = 1 };
    startWatch();
    looks = 0;
    do
    :: looks < LOOKS -> look = numberNow; noteReaders(); endLook(0); looks++
    :: break
    od;
    looks = 0
  :: else -> break
  od
}

init {
  atomic {
    byte reader = 0;
    do :: reader < READERS -> run Reader(reader); reader++ :: else -> break od
  }
}
