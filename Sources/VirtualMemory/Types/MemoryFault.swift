// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

/// The signal that a process gets for an access that it may not make.
public enum MemoryFault: Error, Sendable, Hashable, Codable {
  /// `SIGSEGV`: nothing is mapped there, or the access isn't allowed.
  case segmentation
  /// `SIGBUS`: the page lies behind the end of the file.
  case bus
}
