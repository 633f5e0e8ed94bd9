// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

/// The project's own checks let no warning pass. Nobody else's build fails because a newer compiler
/// warns of something.
let isStrict = Context.environment["SWIFT_URCU_WARNINGS_AS_ERRORS"] != nil

/// Settings of every Swift target. A package that imports these products needs none of them.
let settings: [SwiftSetting] =
  [
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
  ] + (isStrict ? [.treatAllWarnings(as: .error)] : [])

/// Settings of every C target.
let cSettings: [CSetting] = isStrict ? [.treatAllWarnings(as: .error)] : []

let systemPackage: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")

/// What the integrations with other packages need. A package that is used by no enabled trait isn't
/// even resolved.
let integrations: [Target.Dependency] = [
  .product(name: "Logging", package: "swift-log", condition: .when(traits: ["Logging"])),
  .product(name: "CoreMetrics", package: "swift-metrics", condition: .when(traits: ["Metrics"])),
  .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle",
    condition: .when(traits: ["ServiceLifecycle"])),
]

let nio: Target.Dependency = .product(
  name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["NIO"]))

let package = Package(
  name: "swift-urcu",
  products: [
    .library(name: "ReadCopyUpdate", targets: ["ReadCopyUpdate"]),
    .library(name: "SequenceLocks", targets: ["SequenceLocks"]),
    .library(name: "VirtualMemory", targets: ["VirtualMemory"]),
    .library(name: "ProcessMaps", targets: ["ProcessMaps"]),
  ],
  traits: [
    .trait(
      name: "Logging", description: "Stalls and events of mirrors as messages of swift-log."),
    .trait(
      name: "Metrics", description: "Statistics of domains and services through swift-metrics."),
    .trait(
      name: "ServiceLifecycle",
      description: "Mirrors, services and the end of a program as services of a group."),
    .trait(
      name: "NIO", description: "Event loops of SwiftNIO as readers of the flavor qsbr."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.83.0"),
  ],
  targets: [
    .systemLibrary(
      name: "CURCU", path: "CShims/CURCU", pkgConfig: "liburcu-bp",
      providers: [.apt(["liburcu-dev"])]),
    .target(name: "_SystemShims", path: "CShims/_SystemShims", cSettings: cSettings),
    .target(
      name: "_RCUShims", dependencies: ["CURCU", "_SystemShims"], path: "CShims/_RCUShims",
      cSettings: cSettings,
      linkerSettings: ["bp", "memb", "mb", "qsbr", "cds", "common"].map {
        .linkedLibrary("urcu-" + $0)
      }),

    .target(
      name: "ReadCopyUpdate", dependencies: ["_RCUShims", "_SystemShims", nio] + integrations,
      swiftSettings: settings),
    .target(name: "SequenceLocks", dependencies: ["_SystemShims"], swiftSettings: settings),
    .target(
      name: "VirtualMemory",
      dependencies: ["ReadCopyUpdate", "SequenceLocks", "_SystemShims", systemPackage],
      swiftSettings: settings),
    .target(
      name: "ProcessMaps",
      dependencies: ["VirtualMemory", "ReadCopyUpdate", "_SystemShims", systemPackage]
        + integrations,
      swiftSettings: settings),

    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    .testTarget(
      name: "ReadCopyUpdateTests",
      dependencies: ["ReadCopyUpdate", "TestSupport", "CURCU", "_SystemShims"],
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
  ]
)

/// Parts of the package that can be built and tested by themselves, by `SWIFT_URCU_PART`: checks
/// that are about a part don't build the rest.
let parts: [String: Set<String>] = [
  // All that does without liburcu.
  "locks": ["_SystemShims", "SequenceLocks", "TestSupport", "SequenceLocksTests"],
  // What liburcu, or a sanitizer of memory, can break.
  "runtime": [
    "CURCU", "_SystemShims", "_RCUShims", "ReadCopyUpdate", "SequenceLocks", "TestSupport",
    "ReadCopyUpdateTests", "SequenceLocksTests",
  ],
  // What is used by several threads.
  "concurrency": [
    "CURCU", "_SystemShims", "_RCUShims", "ReadCopyUpdate", "SequenceLocks", "VirtualMemory",
    "ProcessMaps", "TestSupport", "ReadCopyUpdateTests", "SequenceLocksTests",
    "VirtualMemoryTests", "ProcessMapsTests",
  ],
]

if let name = Context.environment["SWIFT_URCU_PART"] {
  guard let part = parts[name] else {
    fatalError("SWIFT_URCU_PART: “\(name)”: must be one of \(parts.keys.sorted())")
  }
  package.targets.removeAll { !part.contains($0.name) }
  package.products.removeAll { !part.contains($0.name) }
  // The first is swift-system, the others are those of the integrations.
  if !part.contains("VirtualMemory") { package.dependencies.removeFirst() }
  if !part.contains("ReadCopyUpdate") { package.dependencies = [] }
}
