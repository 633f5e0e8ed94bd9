// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

/// Settings of every Swift target. A package that imports these products needs none of them.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  // SE-0458: every use of unsafe memory is marked where it happens.
  .strictMemorySafety(),
  // Lifetime dependencies of `~Escapable` values (`ReadSection`, `Ref`).
  .enableExperimentalFeature("Lifetimes"),
  // SE-0444: a member is visible only where its module is imported.
  .enableUpcomingFeature("MemberImportVisibility"),
  // SE-0409: an import is internal unless it says otherwise.
  .enableUpcomingFeature("InternalImportsByDefault"),
  // SE-0335: existentials are written `any`.
  .enableUpcomingFeature("ExistentialAny"),
]

let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "swift-urcu",
  products: [
    .library(name: "ReadCopyUpdate", targets: ["ReadCopyUpdate"]),
    .library(name: "SequenceLocks", targets: ["SequenceLocks"]),
    .library(name: "VirtualMemory", targets: ["VirtualMemory"]),
    .library(name: "ProcessMaps", targets: ["ProcessMaps"]),
    // The scripts that tools and tests of this project share; not a stable interface.
    .library(name: "_MapTraces", targets: ["_MapTraces"]),
    // Replays of real programs, as strace recorded them; not a stable interface.
    .library(name: "_StraceReplay", targets: ["_StraceReplay"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0")
  ],
  targets: [
    .systemLibrary(
      name: "CURCU", path: "CShims/CURCU", pkgConfig: "liburcu-bp",
      providers: [.apt(["liburcu-dev"])]),
    .target(name: "_SystemShims", path: "CShims/_SystemShims"),
    .target(
      name: "_RCUShims", dependencies: ["CURCU", "_SystemShims"], path: "CShims/_RCUShims",
      linkerSettings: ["bp", "memb", "mb", "qsbr", "cds", "common"].map {
        .linkedLibrary("urcu-" + $0)
      }),

    .target(
      name: "ReadCopyUpdate", dependencies: ["_RCUShims", "_SystemShims"],
      swiftSettings: settings),
    .target(name: "SequenceLocks", dependencies: ["_SystemShims"], swiftSettings: settings),
    .target(
      name: "VirtualMemory",
      dependencies: ["ReadCopyUpdate", "SequenceLocks", "_SystemShims", systemPackage],
      swiftSettings: settings),
    .target(
      name: "ProcessMaps", dependencies: ["VirtualMemory", "_SystemShims", systemPackage],
      swiftSettings: settings),
    .target(
      name: "_MapTraces", dependencies: ["VirtualMemory", systemPackage], swiftSettings: settings),
    .target(name: "_PageFaults", path: "CShims/_PageFaults"),
    .target(
      name: "_StraceReplay",
      dependencies: ["VirtualMemory", "ProcessMaps", "_PageFaults", systemPackage],
      swiftSettings: settings),

    .target(
      name: "TestSupport", dependencies: ["_SystemShims"],
      path: "Tests/TestSupport", swiftSettings: settings),
    // The running kernel as judge of address spaces.
    .target(name: "KernelTraces", path: "Tests/KernelTraces"),
    .testTarget(
      name: "KernelTracesTests", dependencies: ["KernelTraces"], swiftSettings: settings),
    .testTarget(
      name: "ReadCopyUpdateTests", dependencies: ["ReadCopyUpdate", "TestSupport", "CURCU"],
      exclude: ["CompileFail", "CompilePass"], swiftSettings: settings),
    .testTarget(
      name: "SequenceLocksTests", dependencies: ["SequenceLocks", "TestSupport"],
      swiftSettings: settings),
    .testTarget(
      name: "VirtualMemoryTests",
      dependencies: [
        "VirtualMemory", "ReadCopyUpdate", "SequenceLocks", "TestSupport", "_SystemShims",
        systemPackage,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "ProcessMapsTests",
      dependencies: [
        "ProcessMaps", "VirtualMemory", "SequenceLocks", "TestSupport", systemPackage,
      ],
      swiftSettings: settings),
    .testTarget(
      name: "MapTracesTests", dependencies: ["_MapTraces", "KernelTraces", "TestSupport"],
      exclude: ["Recorded"], swiftSettings: settings),
    .testTarget(
      name: "StraceReplayTests",
      dependencies: ["_StraceReplay", "ProcessMaps", "VirtualMemory", "TestSupport"],
      exclude: ["Programs"],
      swiftSettings: settings),
  ]
)
