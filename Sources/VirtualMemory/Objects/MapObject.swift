// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

internal import ReadCopyUpdate
internal import Synchronization

/// What a VMA refers to besides its numbers: a file, a special mapping, an anonymous name, or
/// shared memory with a name. A VMA has at most one, which is why named shared memory is an object
/// of its own.
///
/// It is a counted, immutable record in raw memory, with the end of its line of text already
/// rendered. The references belong to handles (``MappedFile``) and to the VMAs of *current*
/// versions. A reader of an older version needs no reference: after the last one is dropped, the
/// record is freed only after a grace period, and the reader's section began before that. A reader
/// that keeps the record beyond its section first pins it (``pin()``), which fails if the count is
/// already zero.
///
/// A class would do the same, but with reference counting on every read.
@safe
struct MapObject: @unchecked Sendable, BitwiseCopyable {
  // Sendable: the header is immutable except for its atomic count; the bytes are immutable.
  let header: UnsafeMutablePointer<MapObjectHeader>

  enum Kind: UInt8, BitwiseCopyable {
    /// A file with a path; this includes shared anonymous memory.
    case file
    /// A name without a file, such as `[vdso]`.
    case special
    /// The name of anonymous memory.
    case anonymousName
    /// No name: the rendered end of a line for plain anonymous memory.
    case nameless
  }

  /// The record at `word`, as stored in the tree's nodes; `nil` for 0.
  @inline(__always)
  init?(word: UInt) {
    guard let header = unsafe UnsafeMutablePointer<MapObjectHeader>(bitPattern: word) else {
      return nil
    }
    unsafe self.header = header
  }

  @inline(__always)
  var word: UInt { unsafe UInt(bitPattern: header) }

  /// Whether the mapping counts as file-backed for its offset, its device and the filters.
  @inline(__always)
  var isFile: Bool { unsafe header.pointee.kind == .file }

  var isAnonymousName: Bool { unsafe header.pointee.kind == .anonymousName }

  /// Whether this is a special mapping, which never merges.
  var isSpecial: Bool { unsafe header.pointee.kind == .special }

  /// Whether this is shared anonymous memory: a file that can be given a name.
  var isSharedMemory: Bool { unsafe header.pointee.isSharedMemory }

  /// Whether mappings of the file are aligned to huge pages if possible.
  var usesHugePages: Bool { unsafe header.pointee.usesHugePages }

  /// The file's size in bytes; the largest number if it is unknown.
  var byteCount: UInt64 { unsafe header.pointee.byteCount }
}

struct MapObjectHeader: ~Copyable {
  // Written by any thread that takes or drops a reference, and read only for that.
  let references: Atomic<Int>
  let inode: UInt64
  let device: DeviceNumber
  let kind: MapObject.Kind
  let access: MappedFile.Access
  let isSharedMemory: Bool
  let usesHugePages: Bool
  let byteCount: UInt64
  /// For named shared memory, the ``MapObject`` that it is without the name, to which this object
  /// holds a reference; otherwise 0.
  let unnamed: UInt
  // The byte areas after the header, in this order. First the tail: "major:minor inode ", padding,
  // the name and a newline, for a line whose offset field ends at column 39. That is the case for
  // 12-digit addresses and 8-digit offsets.
  let tailCount: Int
  /// The part of the tail for "major:minor inode ".
  let deviceInodeCount: Int
  /// The part of the tail for the name as the text shows it, before the newline.
  let displayNameCount: Int
  /// The name as a query returns it, with unescaped newlines.
  let nameCount: Int
  let buildIDCount: Int
}

// MARK: - Making and freeing

extension MapObject {
  /// The bytes after the areas that may be read when a tail is copied in whole steps.
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

  /// The name `name` for memory that has no name yet, and that is `shared`, or private if that is
  /// nil.
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

  /// Whether two VMAs with these objects may be one: it is the same object, or the same name of the
  /// same memory.
  func isEqual(to other: MapObject) -> Bool {
    if word == other.word { return true }
    guard unsafe header.pointee.unnamed == other.header.pointee.unnamed,
      unsafe header.pointee.unnamed != 0 || (isAnonymousName && other.isAnonymousName)
    else { return false }
    return unsafe nameBytes.elementsEqual(other.nameBytes)
  }

  /// For shared anonymous memory, what it is without a name.
  var unnamed: MapObject {
    unsafe MapObject(word: header.pointee.unnamed) ?? self
  }

  /// Takes a reference. The caller has one already, or knows that a current version has.
  func retain() {
    // Relaxed: a thread that has a reference already sees the record.
    unsafe header.pointee.references.add(1, ordering: .relaxed)
  }

  /// Takes a reference, unless there are none left. For readers inside a read section.
  ///
  /// - Source: `file_ref_get`, `kref_get_unless_zero`.
  func pin() -> Bool {
    var count = unsafe header.pointee.references.load(ordering: .relaxed)
    while count > 0 {
      // Relaxed: the section sees the record through its load of the version's root.
      let (done, seen) = unsafe header.pointee.references.weakCompareExchange(
        expected: count, desired: count + 1, ordering: .relaxed)
      if done { return true }
      count = seen
    }
    return false
  }

  /// Drops a reference. The last one frees the record after a grace period.
  ///
  /// - Parameter mayWait: whether this may wait for the reclaimer past the domain's limits. A
  ///   deinit may not, since it can't know which locks are held.
  func release(mayWait: Bool = false) {
    // Releasing: what this owner did with the record happens before it is freed. Pairs with the
    // acquire in the last owner's subtraction.
    let (_, left) = unsafe header.pointee.references.subtract(1, ordering: .acquiringAndReleasing)
    guard left == 0 else { return }
    let bytes = recordBytes
    let word = word
    let action: @Sendable () -> Void = {
      // Safety: no reference is left, and all sections that could still see the record have ended.
      unsafe MapObject.free(word: word)
    }
    if mayWait {
      RCU.afterGracePeriod(bytes: bytes, action)
    } else {
      RCU.afterGracePeriod(bytes: bytes, mayWait: false, action)
    }
  }

  /// The size of the record itself in bytes.
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
    /// The number of records in all address spaces; in debug builds only. For tests.
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
  /// The first byte of the tail. The name and the build ID follow the tail.
  @inline(__always)
  var tail: UnsafeRawPointer {
    unsafe UnsafeRawPointer(header) + MemoryLayout<MapObjectHeader>.stride
  }

  /// The name as a query returns it.
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
