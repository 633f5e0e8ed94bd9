// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import VirtualMemory

extension LenientMaps {
  /// An address space with what was read, for look-ups, queries and dumps.
  ///
  /// Its dump isn't the text: names are kept, but what they imply isn't (the heap doesn't grow, and
  /// the stack neither). Lines that it can't hold are left out.
  ///
  /// - Parameter configuration: the constants of the machine. If mappings lie above its
  ///   ``/VirtualMemory/AddressSpaceConfiguration/taskSize``, the next of 2^48, 2^52 and 2^57 that
  ///   is large enough takes its place.
  /// - Returns: the address space, and a remark for each line that isn't in it.
  /// - Complexity: O(lines).
  public func addressSpace(
    configuration: AddressSpaceConfiguration = AddressSpaceConfiguration()
  ) -> (space: AddressSpace, remarks: [Remark]) {
    var configuration = configuration
    let highest = lines.last { $0.end <= 1 << 57 }?.end ?? 0
    for bits in [48, 52, 57] where highest > configuration.taskSize {
      configuration.taskSize = 1 << UInt64(bits)
    }
    var mappings: [ImportedMapping] = []
    var remarks: [Remark] = []
    var files: [FileKey: MappedFile] = [:]
    for line in lines {
      if let reason = reasonAgainst(line, taskSize: configuration.taskSize) {
        remarks.append(
          Remark(line: line.number, column: 1, consequence: .ignored, reason: reason))
        continue
      }
      mappings.append(
        ImportedMapping(
          start: line.start, end: line.end, protection: line.protection, isShared: line.isShared,
          source: source(of: line, &files, &remarks)))
    }
    return (AddressSpace(importing: mappings, configuration: configuration), remarks)
  }

  private func reasonAgainst(_ line: ProcMapsLine, taskSize: UInt64) -> String? {
    let pageSize = AddressSpace.pageSize
    if line.start % pageSize != 0 || line.end % pageSize != 0 {
      return "its addresses aren't multiples of the page"
    }
    if line.end > taskSize { return "it ends above 0x\(String(taskSize, radix: 16))" }
    return nil
  }

  private func source(
    of line: ProcMapsLine, _ files: inout [FileKey: MappedFile], _ remarks: inout [Remark]
  ) -> ImportedMapping.Source {
    var name = text[line.nameRange]
    if let nul = name.firstIndex(of: 0) {
      remarks.append(
        Remark(
          line: line.number, column: 1, consequence: .read,
          reason: "its name is kept up to a NUL byte"))
      name = name[..<nul]
    }
    let isBracketed = name.first == UInt8(ascii: "[")
    let hasFile = line.inode != 0 || line.device != DeviceNumber(major: 0, minor: 0)
    guard hasFile || (!name.isEmpty && !isBracketed) else {
      return name.isEmpty ? .anonymous : .special(Array(name))
    }
    if name.count >= MappedFile.maximumPathBytes {
      remarks.append(
        Remark(
          line: line.number, column: 1, consequence: .read,
          reason: "only the first \(MappedFile.maximumPathBytes - 1) bytes of its name are kept"))
      name = name.prefix(MappedFile.maximumPathBytes - 1)
    }
    var offset = line.offset
    if offset % AddressSpace.pageSize != 0 {
      remarks.append(
        Remark(
          line: line.number, column: 1, consequence: .read,
          reason: "its offset isn't a multiple of the page, and is rounded down"))
      offset -= offset % AddressSpace.pageSize
    }
    let key = FileKey(device: line.device, inode: line.inode, name: Array(name))
    let file = files[key] ?? MappedFile(path: key.name, device: key.device, inode: key.inode)
    files[key] = file
    return .file(file, offset: offset)
  }
}
