// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

// A package of its own, apart from the other examples, which shouldn't have to build SwiftNIO.
let package = Package(
  name: "Server",
  dependencies: [
    // Named, so that the checkout's folder may have any name.
    .package(
      name: "swift-urcu", path: "../..", traits: ["Logging", "Metrics", "NIO", "ServiceLifecycle"]),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.20.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/apple/swift-async-algorithms", from: "1.0.0"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.4.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.7.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.25.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
  ],
  targets: [
    .target(name: "CJoining"),
    .executableTarget(
      name: "maps-server",
      dependencies: [
        "CJoining",
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      resources: [
        .embedInCode("Page/index.html"), .embedInCode("Page/page.js"),
        .embedInCode("Page/style.css"),
      ]),
    .executableTarget(
      name: "config-server",
      dependencies: [
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "AsyncAlgorithms", package: "swift-async-algorithms"),
        .product(name: "HTTPTypes", package: "swift-http-types"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "UnixSignals", package: "swift-service-lifecycle"),
      ]),
    .testTarget(
      name: "IntegrationTests",
      dependencies: [
        .product(name: "ReadCopyUpdate", package: "swift-urcu"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "MetricsTestKit", package: "swift-metrics"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    // Connections, and programs as their users run them.
    .target(name: "ServerSupport", path: "Tests/ServerSupport"),
    .testTarget(name: "ConfigServerTests", dependencies: ["ServerSupport"]),
    .testTarget(
      name: "MapsServerTests",
      dependencies: [
        "maps-server", "ServerSupport",
        .product(name: "Hummingbird", package: "hummingbird"),
        .product(name: "VirtualMemory", package: "swift-urcu"),
        .product(name: "ProcessMaps", package: "swift-urcu"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
      ]),
  ],
  swiftLanguageModes: [.v6]
)
