// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

// A package of its own: it imports the library as any other package does, and what it needs besides
// is no burden of the library's users.
let package = Package(
  name: "Examples",
  dependencies: [
    // Named, so that the checkout's folder may have any name.
    .package(name: "swift-urcu", path: ".."),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
  ],
  targets: [
    .target(name: "CScheduling"),
    .executableTarget(
      name: "maps-race",
      dependencies: [
        "CScheduling",
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "Histogram", package: "hdrhistogram-swift"),
      ]),
    .target(name: "CTorture"),
    .executableTarget(
      name: "rcu-torture",
      dependencies: [
        "CTorture",
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "rcu-hello",
      dependencies: [.product(name: "ReadCopyUpdate", package: "swift-urcu")]),
    .executableTarget(
      name: "config-reload",
      dependencies: [.product(name: "ReadCopyUpdate", package: "swift-urcu")]),
    .target(name: "CProfiling"),
    .executableTarget(
      name: "signal-profiler",
      dependencies: [
        "CProfiling",
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
      ]),
    .executableTarget(
      name: "maps-watch",
      dependencies: [
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .target(name: "CSupervision"),
    .executableTarget(
      name: "maps-supervise",
      dependencies: [
        "CSupervision",
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),

    // The library's own, by a link.
    .target(
      name: "TestSupport", path: "Tests/TestSupport",
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    // Runs the programs, which are built with the tests.
    .target(
      name: "ExampleSupport", dependencies: ["TestSupport"], path: "Tests/ExampleSupport",
      swiftSettings: [.enableUpcomingFeature("InternalImportsByDefault")]),
    .testTarget(
      name: "MapsRaceTests", dependencies: ["maps-race", "ExampleSupport", "TestSupport"]),
    .testTarget(
      name: "MapsWatchTests",
      dependencies: [
        "maps-watch", "ExampleSupport", "TestSupport",
        .product(name: "VirtualMemory", package: "swift-urcu"),
      ]),
    .testTarget(name: "MapsSuperviseTests", dependencies: ["ExampleSupport", "TestSupport"]),
    .testTarget(name: "RCUTortureTests", dependencies: ["ExampleSupport"]),
    .testTarget(name: "RCUHelloTests", dependencies: ["ExampleSupport"]),
    .testTarget(name: "ConfigReloadTests", dependencies: ["ExampleSupport"]),
    .testTarget(name: "SignalProfilerTests", dependencies: ["ExampleSupport"]),
  ],
  swiftLanguageModes: [.v6]
)
