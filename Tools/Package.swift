// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

/// The project's own checks let no warning pass.
let isStrict = Context.environment["SWIFT_URCU_WARNINGS_AS_ERRORS"] != nil

let settings: [SwiftSetting] =
  [
    .swiftLanguageMode(.v6),
    // SE-0458: every use of unsafe memory is marked where it happens.
    .strictMemorySafety(),
    // SE-0444: a member is visible only where its module is imported.
    .enableUpcomingFeature("MemberImportVisibility"),
    // SE-0409: an import is internal unless it says otherwise.
    .enableUpcomingFeature("InternalImportsByDefault"),
    // SE-0335: existentials are written `any`.
    .enableUpcomingFeature("ExistentialAny"),
  ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

let cSettings: [CSetting] = isStrict ? [.treatAllWarnings(as: .error)] : []

let virtualMemory: Target.Dependency = .product(name: "VirtualMemory", package: "swift-urcu")
let processMaps: Target.Dependency = .product(name: "ProcessMaps", package: "swift-urcu")
let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let argumentParser: Target.Dependency =
  .product(name: "ArgumentParser", package: "swift-argument-parser")

// How the address spaces are checked against Linux: scripts of operations, recordings of real
// programs, and the running kernel as the judge of both; and how the documentation and the machine
// code are checked. A package of its own: it uses the library as any other package does.
let package = Package(
  name: "Tools",
  dependencies: [
    // Named, so that the checkout's folder may have any name.
    .package(name: "swift-urcu", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
  ],
  targets: [
    .target(name: "ErrnoNames", dependencies: [systemPackage], swiftSettings: settings),
    // Scripts of operations, and their replay on an address space.
    .target(
      name: "MapScripts", dependencies: ["ErrnoNames", virtualMemory, systemPackage],
      swiftSettings: settings),
    .executableTarget(
      name: "maps-replay", dependencies: ["MapScripts", argumentParser], swiftSettings: settings),

    // Recordings of real programs by strace, and their replay.
    .target(name: "PageFaults", cSettings: cSettings),
    .target(
      name: "StraceReplay",
      dependencies: ["ErrnoNames", "PageFaults", virtualMemory, processMaps, systemPackage],
      swiftSettings: settings),
    .executableTarget(
      name: "maps-strace", dependencies: ["StraceReplay", virtualMemory, argumentParser],
      swiftSettings: settings),

    // The running kernel as the judge of scripts.
    .target(name: "KernelOracle", cSettings: cSettings),

    // What documentation lacks, and the code in it.
    .target(name: "DocumentationChecks", swiftSettings: settings),
    .executableTarget(
      name: "check-documentation", dependencies: ["DocumentationChecks", argumentParser],
      swiftSettings: settings),

    // What functions call, in the machine code of a program.
    .target(name: "MachineCode", swiftSettings: settings),
    .executableTarget(
      name: "check-machine-code", dependencies: ["MachineCode", argumentParser],
      swiftSettings: settings),

    // The library's own, by a link.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(
      name: "KernelOracleTests", dependencies: ["KernelOracle"], swiftSettings: settings),
    .testTarget(
      name: "MapScriptsTests", dependencies: ["MapScripts", "KernelOracle", "TestSupport"],
      exclude: ["Recorded"], swiftSettings: settings),
    .testTarget(
      name: "DocumentationChecksTests", dependencies: ["DocumentationChecks", "TestSupport"],
      exclude: ["Fixtures"], swiftSettings: settings),
    .testTarget(
      name: "MachineCodeTests", dependencies: ["MachineCode"], swiftSettings: settings),
    .testTarget(
      name: "StraceReplayTests",
      dependencies: ["StraceReplay", processMaps, virtualMemory, "TestSupport"],
      exclude: ["Programs"], swiftSettings: settings),
  ]
)
