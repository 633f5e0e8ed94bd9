// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

// A package of its own: it imports the library as any other package does, with the settings that
// any other package has, and what it needs besides is no burden of the library's users.
let package = Package(
  name: "Benchmarks",
  dependencies: [
    // Named, so that the checkout's folder may have any name.
    .package(name: "swift-urcu", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-atomics", from: "1.2.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    // liburcu as a C program uses it.
    .target(
      name: "CBaselines",
      linkerSettings: [
        .linkedLibrary("urcu-bp"), .linkedLibrary("urcu-memb"), .linkedLibrary("urcu-mb"),
        .linkedLibrary("urcu-qsbr"), .linkedLibrary("urcu-cds"), .linkedLibrary("dl"),
      ]),
    .executableTarget(
      name: "swift-urcu-benchmarks",
      dependencies: [
        "CBaselines",
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "SequenceLocks", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "Atomics", package: "swift-atomics"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    // What check-machine-code of Tools looks at.
    .executableTarget(
      name: "disassembly-probes",
      dependencies: [
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "SequenceLocks", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
      ]),
    // The library's own, by a link.
    .target(
      name: "TestSupport", path: "Tests/TestSupport",
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    // It runs the program, which is built with the tests though it isn't linked with them.
    .testTarget(name: "SwiftURCUBenchmarksTests", dependencies: ["TestSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
