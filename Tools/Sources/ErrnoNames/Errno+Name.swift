// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

public import SystemPackage

extension Errno {
  /// The name of the error, as in `errno.h` and as strace writes it; for one that no operation on
  /// memory gives, its number.
  public var name: String {
    switch self {
    case .notPermitted: "EPERM"
    case .noSuchFileOrDirectory: "ENOENT"
    case .interrupted: "EINTR"
    case .ioError: "EIO"
    case .badFileDescriptor: "EBADF"
    case .resourceTemporarilyUnavailable: "EAGAIN"
    case .noMemory: "ENOMEM"
    case .permissionDenied: "EACCES"
    case .badAddress: "EFAULT"
    case .resourceBusy: "EBUSY"
    case .fileExists: "EEXIST"
    case .operationNotSupportedByDevice: "ENODEV"
    case .invalidArgument: "EINVAL"
    case .textFileBusy: "ETXTBSY"
    case .noSpace: "ENOSPC"
    case .outOfRange: "ERANGE"
    case .overflow: "EOVERFLOW"
    case .notSupportedOnSocket, .notSupported: "EOPNOTSUPP"
    default: "E\(rawValue)"
    }
  }
}
