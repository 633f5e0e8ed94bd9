// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import PackageDescription

let products: [Target.Dependency] =
  ["ReadCopyUpdate", "SequenceLocks", "VirtualMemory", "ProcessMaps"]
  .map { .product(name: $0, package: "swift-urcu") }

// A package that uses the library as any other does: default settings, no flags.
// Tests/Scripts/consumer.sh builds and runs it.
let package = Package(
  name: "Consumer",
  dependencies: [
    // Named, so that the checkout's folder may have any name.
    .package(name: "swift-urcu", path: "../..")
  ],
  targets: [
    .executableTarget(name: "consumer", dependencies: products),
    // The code of the article Getting started, as it stands there.
    .executableTarget(
      name: "getting-started",
      dependencies: [.product(name: "ReadCopyUpdate", package: "swift-urcu")]),
    // The right uses beside the wrong ones of CompileFail.
    .target(name: "CompilePass", dependencies: products),
  ]
)

// A file of CompileFail is a target only if it is asked for: it must be rejected, with the errors
// that it names.
if let name = Context.environment["SWIFT_URCU_COMPILE_FAIL"] {
  package.targets.append(
    .target(
      name: name, dependencies: products, path: "CompileFail", sources: ["\(name).swift"]))
}
