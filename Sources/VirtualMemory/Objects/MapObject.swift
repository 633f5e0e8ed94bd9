// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// What a VMA refers to besides its numbers: a file, a special mapping, an anonymous name, or
/// shared memory with a name. One at most: that is why the last is an object of its own.
///
/// A counted, immutable record in raw memory, with the end of its line of text rendered once. The
/// count is held by handles (``MappedFile``) and by the VMAs of *current* versions. A reader of an
/// older version needs no count: when the last one goes, the record is freed after a grace period,
/// and the reader's section started before that. A reader that leaves its section with the record
/// in hand pins it first (``pin()``), which fails when the count is already zero.
///
/// A class reference would do the same with a reference count on every read.
@safe
struct MapObject: @unchecked Sendable, BitwiseCopyable {
  // Sendable: the header is immutable but for its atomic count; the bytes are immutable.
  let header: UnsafeMutablePointer<MapObjectHeader>

  enum Kind: UInt8, BitwiseCopyable {
    /// A file with a path, shared anonymous memory among them.
    case file
    /// `[vdso]` and its like: a name, no file.
    case special
    /// The name of anonymous memory.
    case anonymousName
    /// No name: the rendered line end of plain anonymous memory.
    case nameless
  }

  /// The record at `word`, as the tree's nodes hold it; `nil` for 0.
  @inline(__always)
  init?(word: UInt) {
    guard let header = unsafe UnsafeMutablePointer<MapObjectHeader>(bitPattern: word) else {
      return nil
    }
    unsafe self.header = header
  }

  @inline(__always)
  var word: UInt { unsafe UInt(bitPattern: header) }

  /// Whether the mapping counts as file-backed: for the offset, the device and the filters.
  @inline(__always)
  var isFile: Bool { unsafe header.pointee.kind == .file }

  var isAnonymousName: Bool { unsafe header.pointee.kind == .anonymousName }

  /// Whether this is a special mapping, which never merges.
  var isSpecial: Bool { unsafe header.pointee.kind == .special }

  /// Whether this is shared anonymous memory: a file that can be given a name.
  var isSharedMemory: Bool { unsafe header.pointee.isSharedMemory }

  /// Whether mappings of the file are aligned to huge pages where they can be.
  var usesHugePages: Bool { unsafe header.pointee.usesHugePages }

  /// Bytes of the file; the largest number for one whose end is not known.
  var byteCount: UInt64 { unsafe header.pointee.byteCount }
}

struct MapObjectHeader: ~Copyable {
  // Written by whoever takes or drops a reference; read by nobody else.
  let references: Atomic<Int>
  let inode: UInt64
  let device: DeviceNumber
  let kind: MapObject.Kind
  let access: MappedFile.Access
  let isSharedMemory: Bool
  let usesHugePages: Bool
  let byteCount: UInt64
  /// Of named shared memory: the ``MapObject`` that it is without the name, which this one keeps;
  /// or 0.
  let unnamed: UInt
  // Areas of bytes after the header, in this order.
  /// "major:minor inode " + padding + name + newline, for a line whose offset field ends at column
  /// 39, as it does for 12-digit addresses and 8-digit offsets.
  let tailCount: Int
  /// Of the tail, "major:minor inode ".
  let deviceInodeCount: Int
  /// Of the tail, the name as the text shows it, before the newline.
  let displayNameCount: Int
  /// The name as a query gives it: with newlines as they are.
  let nameCount: Int
  let buildIDCount: Int
}

// MARK: - Making and freeing

extension MapObject {
  /// Bytes after the areas that may be read when a tail is copied in whole steps.
  static var slackBytes: Int { 32 }

  init(
    kind: Kind, device: DeviceNumber = DeviceNumber(major: 0, minor: 0), inode: UInt64 = 0,
    name: [UInt8], access: MappedFile.Access = .readWrite, buildID: [UInt8] = [],
    isSharedMemory: Bool = false, usesHugePages: Bool = false, byteCount: UInt64 = .max,
    unnamed: MapObject? = nil
  ) {
    let shown = kind == .anonymousName ? Array("[anon:".utf8) + name + Array("]".utf8) : name
    let display = MapsText.escapingNewlines(shown)
    let deviceInode = MapsText.deviceInode(device: device, inode: inode)
    let tail = MapsText.tail(
      prefixCount: MapsText.usualPrefixCount, deviceInode: deviceInode, name: display)
    let bytes = tail + name + buildID + [UInt8](repeating: 0, count: Self.slackBytes)
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: MemoryLayout<MapObjectHeader>.stride + bytes.count, alignment: 64)
    unsafe header = memory.bindMemory(to: MapObjectHeader.self, capacity: 1)
    Self.countLive(1)
    unnamed?.retain()
    unsafe header.initialize(
      to: MapObjectHeader(
        references: Atomic(1), inode: inode, device: device, kind: kind, access: access,
        isSharedMemory: isSharedMemory, usesHugePages: usesHugePages, byteCount: byteCount,
        unnamed: unnamed?.word ?? 0,
        tailCount: tail.count, deviceInodeCount: deviceInode.count, displayNameCount: display.count,
        nameCount: name.count, buildIDCount: buildID.count))
    unsafe (memory + MemoryLayout<MapObjectHeader>.stride).copyMemory(
      from: bytes, byteCount: bytes.count)
  }

  /// The name `name` for memory that has none now, and that is `shared` or private.
  ///
  /// - Source: `anon_vma_name`, and how `get_vma_name` shows it.
  init(naming name: [UInt8], shared: MapObject?) {
    guard let shared else {
      self.init(kind: .anonymousName, name: name)
      return
    }
    let header = unsafe shared.header
    self.init(
      kind: .file, device: unsafe header.pointee.device, inode: unsafe header.pointee.inode,
      name: Array("[anon_shmem:".utf8) + name + Array("]".utf8),
      access: unsafe header.pointee.access, isSharedMemory: true,
      byteCount: unsafe header.pointee.byteCount, unnamed: shared)
  }

  /// Whether two VMAs with these may be one: it is the same object, or an equal name of the same
  /// memory.
  func isEqual(to other: MapObject) -> Bool {
    if word == other.word { return true }
    guard unsafe header.pointee.unnamed == other.header.pointee.unnamed,
      unsafe header.pointee.unnamed != 0 || (isAnonymousName && other.isAnonymousName)
    else { return false }
    return unsafe nameBytes.elementsEqual(other.nameBytes)
  }

  /// Of shared anonymous memory: what it is without a name.
  var unnamed: MapObject {
    unsafe MapObject(word: header.pointee.unnamed) ?? self
  }

  /// Takes a reference. The caller has one, or knows that a current version has.
  func retain() {
    // Relaxed: whoever has a reference already sees the record.
    unsafe header.pointee.references.add(1, ordering: .relaxed)
  }

  /// Takes a reference unless there is none left. For readers inside a read section.
  ///
  /// - Source: `file_ref_get`, `kref_get_unless_zero`.
  func pin() -> Bool {
    var count = unsafe header.pointee.references.load(ordering: .relaxed)
    while count > 0 {
      // Relaxed: the section sees the record through the load of the version's root.
      let (done, seen) = unsafe header.pointee.references.weakCompareExchange(
        expected: count, desired: count + 1, ordering: .relaxed)
      if done { return true }
      count = seen
    }
    return false
  }

  /// Drops a reference. The last one frees the record after a grace period.
  ///
  /// - Parameter mayWait: whether the caller may wait for the reclaimer, past the domain's limits.
  ///   A deinit may not, since it doesn't know what locks are held.
  func release(mayWait: Bool = false) {
    // Releasing: what this owner did with the record happens before it is freed. Pairs with the
    // acquiring half of the last owner's own subtraction.
    let (_, left) = unsafe header.pointee.references.subtract(1, ordering: .acquiringAndReleasing)
    guard left == 0 else { return }
    let bytes = recordBytes
    let word = word
    let action: @Sendable () -> Void = {
      // Safety: no reference is left, and the sections that could still see the record are over.
      unsafe MapObject.free(word: word)
    }
    if mayWait {
      RCU.afterGracePeriod(bytes: bytes, action)
    } else {
      RCU.afterGracePeriod(bytes: bytes, mayWait: false, action)
    }
  }

  /// Bytes of the record itself.
  private var recordBytes: Int {
    unsafe MemoryLayout<MapObjectHeader>.stride + header.pointee.tailCount
      + header.pointee.nameCount + header.pointee.buildIDCount + Self.slackBytes
  }

  @unsafe
  private static func free(word: UInt) {
    guard let object = MapObject(word: word) else { return }
    countLive(-1)
    unsafe MapObject(word: object.header.pointee.unnamed)?.release()
    unsafe _poison(
      UnsafeMutableRawPointer(object.header) + MemoryLayout<MapObjectHeader>.stride,
      byteCount: object.recordBytes - MemoryLayout<MapObjectHeader>.stride)
    unsafe object.header.deinitialize(count: 1)
    unsafe object.header.deallocate()
  }
}

// MARK: - Counting

extension MapObject {
  #if DEBUG
    private static let live = Atomic(0)
    /// Records that exist, of all address spaces; in debug builds only. For tests.
    static var liveCount: Int { live.load(ordering: .relaxed) }
    fileprivate static func countLive(_ change: Int) {
      live.wrappingAdd(change, ordering: .relaxed)
    }
  #else
    @inline(__always)
    fileprivate static func countLive(_ change: Int) {}
  #endif
}

// MARK: - Bytes

extension MapObject {
  /// The first byte of the tail; the name and the build id follow it.
  @inline(__always)
  var tail: UnsafeRawPointer {
    unsafe UnsafeRawPointer(header) + MemoryLayout<MapObjectHeader>.stride
  }

  /// The name as a query gives it.
  var nameBytes: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      start: tail + header.pointee.tailCount, count: header.pointee.nameCount)
  }

  /// The name as the text shows it.
  var displayNameBytes: UnsafeRawBufferPointer {
    let count = unsafe header.pointee.displayNameCount
    return unsafe UnsafeRawBufferPointer(
      start: tail + header.pointee.tailCount - 1 - count, count: count)
  }

  var buildIDBytes: UnsafeRawBufferPointer {
    unsafe UnsafeRawBufferPointer(
      start: tail + header.pointee.tailCount + header.pointee.nameCount,
      count: header.pointee.buildIDCount)
  }
}
