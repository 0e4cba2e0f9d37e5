// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

/// Every library target and what it may depend on; dependencies point down only.
let modules: [(name: String, dependencies: [Target.Dependency])] = [
  ("Tensors", ["CKernels", "COpenBLAS"]),
  ("ZeroMQ", ["CZeroMQ"]),
  ("Wire", ["CLZ4", "CXXHash", "Tensors"]),
  ("Video", ["CLibAV", "Tensors"]),
  ("Synthesis", ["Video"]),
  ("Corpus", [grdb, crypto, "Video"]),
  ("Networks", ["Tensors", crypto]),
  ("Topology", ["Yams"]),
  (
    "Pipeline",
    [
      "ZeroMQ", "Wire", "Video", "Corpus", "Networks", "Tensors", "Topology", grdb, crypto, collections,
    ]
  ),
  ("PipelineTesting", ["Pipeline", "ZeroMQ", "Wire", "Video", "Corpus", "Networks", "Topology", "Synthesis"]),
  (
    "Commands",
    ["Pipeline", "Networks", "Corpus", "Video", "Synthesis", "Topology", "Tensors", argumentParser]
  ),
]

let package = Package(
  name: "sluice",
  products: [.executable(name: "sluice", targets: ["sluice"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    .systemLibrary(name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CLibAV", pkgConfig: "libavformat libavcodec libswscale libavutil",
      providers: [.apt(["libavformat-dev", "libavcodec-dev", "libswscale-dev"])]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
    .executableTarget(name: "sluice", dependencies: ["Commands"], swiftSettings: strict),
  ]
    + modules.map { .target(name: $0.name, dependencies: $0.dependencies, swiftSettings: strict) }
    + ["Tensors", "ZeroMQ", "Wire", "Video", "Synthesis", "Corpus", "Networks", "Topology", "Pipeline"].map {
      .testTarget(
        name: "\($0)Tests",
        dependencies: [.target(name: $0)] + (modules.first { module in module.name == $0 }?.dependencies ?? []),
        swiftSettings: strict)
    }
)
