// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Glibc
import TestSupport
import Testing

@testable import SequenceLocks

@Suite struct SpeculativeRWLockTests {
  private struct Refusal: Error, Equatable {}

  @Test func writeSectionsAdvanceTheCounter() throws {
    let lock = SpeculativeRWLock()
    #expect(lock.sequence == 0)
    lock.withWriteLock { #expect(lock.sequence == 1) }
    #expect(lock.sequence == 2)
    lock.withReadLock { #expect(lock.sequence == 2) }
    #expect(lock.sequence == 2)
    #expect(throws: Refusal()) {
      try lock.withWriteLock { () throws(Refusal) in throw Refusal() }
    }
    // The section ended all the same.
    #expect(lock.sequence == 4)
    #expect(lock.withWriteLock { 7 } == 7)
  }

  @Test func speculationIsRefusedWhileAWriterIsInside() {
    let lock = SpeculativeRWLock()
    lock.withWriteLock {
      #expect(lock.beginSpeculation() == nil)
      var ran = false
      #expect(lock.speculate { ran = true } == nil)
      #expect(!ran)
    }
    #expect(lock.beginSpeculation() != nil)
    #expect(lock.speculate { 3 } == 3)
  }

  @Test func speculationFailsAfterAWriteSection() throws {
    let lock = SpeculativeRWLock()
    let speculation = try #require(lock.beginSpeculation())
    #expect(lock.validate(speculation))
    lock.withReadLock { #expect(lock.validate(speculation)) }
    #expect(lock.validate(speculation))
    lock.withWriteLock { #expect(!lock.validate(speculation)) }
    #expect(!lock.validate(speculation))
    #expect(lock.speculate { lock.withWriteLock {} } == nil)
    #expect(throws: Refusal()) {
      try lock.speculate { () throws(Refusal) in throw Refusal() }
    }
  }

  @Test func readersShareAndWritersDoNot() {
    let lock = SpeculativeRWLock()
    lock.withReadLock {
      #expect(lock.tryReadLock())
      #expect(!lock.tryWriteLock())
    }
    lock.withWriteLock {
      #expect(!lock.tryReadLock())
      #expect(!lock.tryWriteLock())
    }
    #expect(lock.tryWriteLock())
  }

  // MARK: Preference

  /// A writer that waits goes before every reader that comes after it, while readers who were there
  /// first are still inside.
  @Test func waitingWriterGoesBeforeNewReaders() {
    let lock = SpeculativeRWLock(preferring: .writers)
    let firstInside = Flag()
    let readersStarted = InstanceCounter()
    let entered = InstanceCounter()
    let readersBeforeWriter = InstanceCounter()
    let written = Flag()
    let first: @Sendable () -> Void = {
      lock.withReadLock {
        firstInside.raise()
        // A new reader is refused as soon as the writer waits.
        #expect(waitUntil { !lock.tryReadLock() })
        #expect(waitUntil { readersStarted.created == 3 })
        usleep(10_000)
        #expect(entered.created == 0)
        #expect(!written.isRaised)
      }
    }
    let writer: @Sendable () -> Void = {
      firstInside.wait()
      lock.withWriteLock {
        for _ in 0..<entered.created { readersBeforeWriter.add() }
        written.raise()
      }
    }
    let reader: @Sendable () -> Void = {
      firstInside.wait()
      #expect(waitUntil { !lock.tryReadLock() })
      readersStarted.add()
      lock.withReadLock { entered.add() }
    }
    runThreads([first, writer, reader, reader, reader])
    #expect(written.isRaised)
    #expect(entered.created == 3)
    #expect(readersBeforeWriter.created == 0)
  }

  /// The other preference: readers enter while readers are inside, whoever waits.
  @Test func waitingWriterLetsNewReadersPass() {
    let lock = SpeculativeRWLock(preferring: .readers)
    let firstInside = Flag()
    let about = Flag()
    let done = Flag()
    let written = Flag()
    runThreads([
      {
        lock.withReadLock {
          firstInside.raise()
          done.wait()
          #expect(!written.isRaised)
        }
      },
      {
        firstInside.wait()
        about.raise()
        lock.withWriteLock { written.raise() }
      },
      {
        about.wait()
        usleep(10_000)
        for _ in 0..<1000 { lock.withReadLock {} }
        done.raise()
      },
    ])
    #expect(written.isRaised)
  }

  // MARK: Downgrade

  @Test func downgradeEndsTheWriteSectionAndKeepsWritersOut() {
    let lock = SpeculativeRWLock()
    let inside = Flag()
    let entered = Flag()
    runThreads([
      {
        let read = lock.withWriteLock {
          #expect(lock.sequence == 1)
          inside.raise()
          // Time for the other writer to come and wait.
          usleep(10_000)
          return 41
        } downgrade: { written in
          // Speculation works again, here and for others; the other writer waits.
          #expect(lock.speculate { lock.sequence } == 2)
          #expect(!lock.tryWriteLock())
          usleep(10_000)
          #expect(lock.sequence == 2)
          #expect(!entered.isRaised)
          return written + 1
        }
        #expect(read == 42)
      },
      {
        inside.wait()
        lock.withWriteLock {
          #expect(lock.sequence == 3)
          entered.raise()
        }
      },
    ])
    #expect(entered.isRaised)
    #expect(lock.sequence == 4)
  }

  @Test func downgradeThatThrowsReleasesTheLock() {
    let lock = SpeculativeRWLock()
    #expect(throws: Refusal()) {
      try lock.withWriteLock { () throws(Refusal) in
        throw Refusal()
      } downgrade: { (_: Void) throws(Refusal) in
        Issue.record("nothing to read after a failed write")
      }
    }
    #expect(lock.tryWriteLock())
    #expect(throws: Refusal()) {
      try lock.withWriteLock { () throws(Refusal) in
      } downgrade: { (_: Void) throws(Refusal) in
        throw Refusal()
      }
    }
    #expect(lock.tryWriteLock())
    #expect(lock.sequence == 4)
  }
}

extension SpeculativeRWLock {
  /// Whether a reader could have entered; it doesn't stay.
  func tryReadLock() -> Bool {
    guard unsafe pthread_rwlock_tryrdlock(lock) == 0 else { return false }
    unsafe pthread_rwlock_unlock(lock)
    return true
  }

  /// Whether a writer could have entered; it doesn't stay.
  func tryWriteLock() -> Bool {
    guard unsafe pthread_rwlock_trywrlock(lock) == 0 else { return false }
    unsafe pthread_rwlock_unlock(lock)
    return true
  }
}
