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
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let ordered = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let sqlite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")

/// A library target; dependencies point down only.
func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let systemLibraries: [Target] = [
  .systemLibrary(name: "CZeroMQ", pkgConfig: "libzmq", providers: [.apt(["libzmq3-dev"])]),
  .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
  .systemLibrary(name: "CSpawn"),
  .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
  .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
  .systemLibrary(
    name: "CLibAV", pkgConfig: "libavformat libavcodec libswscale libavutil",
    providers: [.apt(["libavformat-dev", "libavcodec-dev", "libswscale-dev"])]),
]

let modules: [Target] = [
  .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),
  module("Files", []),
  module("Tensors", ["CKernels", "COpenBLAS"]),
  module("ZeroMQ", ["CZeroMQ"]),
  module("Wire", ["CLZ4", "CXXHash", "Tensors"]),
  module("Video", ["CLibAV", "Tensors", "Wire"]),
  module("Synthesis", ["Video", "Tensors", "Files"]),
  module("Corpus", [grdb, sqlite, crypto, "Video", "Files"]),
  module("Networks", ["Tensors", "Files", crypto]),
  module(
    "Deduplication", ["Corpus", "Networks", "Synthesis", "Video", "Wire", "Tensors", "Files", "CKernels"]),
  module("Topology", ["Yams"]),
  module(
    "Pipeline",
    [
      "CSpawn", "ZeroMQ", "Wire", "Video", "Corpus", "Networks", "Tensors", "Topology", "Files", grdb, crypto, heap,
      ordered,
    ]),
  module(
    "Commands",
    [
      "Pipeline", "Networks", "Corpus", "Deduplication", "Video", "Synthesis", "Topology", "Tensors", "ZeroMQ", "Files",
      argumentParser,
    ]),
  .executableTarget(name: "sluice", dependencies: ["Commands", argumentParser], swiftSettings: strict),
  .executableTarget(
    name: "sluice-faulty", dependencies: ["Commands", "Pipeline", "Files", argumentParser], swiftSettings: strict),
]

let testTargets: [Target] = [
  tests("FilesTests", ["Files"]),
  tests("TensorsTests", ["Tensors"]),
  tests("ZeroMQTests", ["ZeroMQ"]),
  tests("WireTests", ["Wire", "Tensors"]),
  tests("VideoTests", ["Video", "Tensors", "Wire", "CLibAV"]),
  tests("SynthesisTests", ["Synthesis", "Video"]),
  tests("CorpusTests", ["Corpus", "Video", grdb]),
  tests("DeduplicationTests", ["Deduplication", "Networks", "Synthesis", "Corpus", "Video", "Tensors", "Files"]),
  .testTarget(
    name: "NetworksTests", dependencies: ["Networks", "Tensors"], exclude: ["References"], swiftSettings: strict),
  tests("TopologyTests", ["Topology"]),
  tests(
    "PipelineTests", ["Pipeline", "Corpus", "Networks", "Video", "Wire", "Tensors", "Topology", "ZeroMQ", "Files"]),
  .testTarget(
    name: "ProcessTests", dependencies: ["sluice", "sluice-faulty"],
    exclude: ["flood.py", "hosts.sh", "slurm.sh", "relay.py"], swiftSettings: strict),
]

/// Only `scripts/fuzz` builds the fuzzer: it links libFuzzer.
let fuzzer: [Target] = [
  .systemLibrary(name: "CLibFuzzer"),
  .executableTarget(
    name: "sluice-fuzz", dependencies: ["CLibFuzzer", "CLibAV", "Video", "Wire", "Pipeline", "Tensors"],
    swiftSettings: strict),
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
  targets: systemLibraries + modules + testTargets + (Context.environment["SLUICE_FUZZ"] == nil ? [] : fuzzer),
  cxxLanguageStandard: .cxx17
)
