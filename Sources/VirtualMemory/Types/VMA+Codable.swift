// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

extension VMA: Codable {
  private enum CodingKeys: CodingKey {
    case start, end, protection, isShared, offset, device, inode, name, nameBytes
  }

  /// Encodes the fields by their names. `name` is encoded as a string or, if it isn't UTF-8, as an
  /// array of numbers, `nameBytes`.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(start, forKey: .start)
    try container.encode(end, forKey: .end)
    try container.encode(protection, forKey: .protection)
    try container.encode(isShared, forKey: .isShared)
    try container.encode(offset, forKey: .offset)
    try container.encode(device, forKey: .device)
    try container.encode(inode, forKey: .inode)
    if let text = String(validating: name, as: UTF8.self) {
      try container.encode(text, forKey: .name)
    } else {
      try container.encode(name, forKey: .nameBytes)
    }
  }

  /// Decodes what ``encode(to:)`` encodes.
  ///
  /// - Throws: `DecodingError` if a field is missing or has another type, or if the end isn't above
  ///   the start.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      start: try container.decode(UInt64.self, forKey: .start),
      end: try container.decode(UInt64.self, forKey: .end),
      protection: try container.decode(Protection.self, forKey: .protection),
      isShared: try container.decode(Bool.self, forKey: .isShared),
      offset: try container.decode(UInt64.self, forKey: .offset),
      device: try container.decode(DeviceNumber.self, forKey: .device),
      inode: try container.decode(UInt64.self, forKey: .inode),
      name: try container.decodeIfPresent([UInt8].self, forKey: .nameBytes)
        ?? Array(try container.decode(String.self, forKey: .name).utf8))
    guard start < end else {
      throw DecodingError.dataCorruptedError(
        forKey: .end, in: container,
        debugDescription: "the end \(end) is not above the start \(start)")
    }
  }
}
