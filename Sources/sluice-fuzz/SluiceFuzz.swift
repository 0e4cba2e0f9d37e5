import CLibFuzzer
import Foundation
import Glibc

/// The fuzzer that `scripts/fuzz` builds and runs; not part of a normal build.
///
///     sluice-fuzz TARGET seeds DIRECTORY        writes inputs to begin with
///     sluice-fuzz TARGET SEEDS [LIBFUZZER …]    runs libFuzzer
@main struct SluiceFuzz {
  static func kind(_ name: String) -> (any FuzzTarget.Type)? {
    switch name {
    case "decode": DecodeTarget.self
    case "wire": WireTarget.self
    default: nil
    }
  }

  /// The one that runs: libFuzzer's callback takes no context.
  nonisolated(unsafe) static var target: (any FuzzTarget)?  // set before libFuzzer starts, whose one thread reads it

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 3, let kind = kind(arguments[1]) else {
      FileHandle.standardError.write(Data("usage: sluice-fuzz decode|wire seeds DIRECTORY | SEEDS …\n".utf8))
      exit(2)
    }
    if arguments[2] == "seeds", arguments.count == 4 {
      try FileManager.default.createDirectory(atPath: arguments[3], withIntermediateDirectories: true)
      try kind.writeSeeds(to: arguments[3])
      return
    }
    target = try kind.init(seeds: arguments[2])
    var pointers = ([arguments[0]] + arguments.dropFirst(3)).map { strdup($0) } + [nil]
    var count = Int32(pointers.count - 1)
    let status = pointers.withUnsafeMutableBufferPointer { buffer in
      var base = buffer.baseAddress
      return LLVMFuzzerRunDriver(&count, &base) { data, count in
        SluiceFuzz.target?.run(UnsafeRawBufferPointer(start: data, count: count))
        return 0
      }
    }
    exit(status)
  }
}

/// Something that takes bytes of strangers.
protocol FuzzTarget {
  /// Writes a file for each of some good inputs.
  static func writeSeeds(to directory: String) throws
  /// - Parameter seeds: the directory of `writeSeeds`.
  init(seeds: String) throws
  /// Must end well whatever the bytes are; a broken rule traps, which libFuzzer takes for a finding.
  func run(_ bytes: UnsafeRawBufferPointer)
}
