import Foundation
import Glibc
import Testing

/// Runs the built `sluice` executables as real processes.
enum Sluice {
  /// Where `swift build` put the executables: beside the test bundle.
  static let binaries = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()

  struct Output {
    var status: Int32
    var signal: Int32?
    var stdout: String
    var stderr: String

    /// The JSON object on the last line of standard output.
    func json() throws -> [String: Any] {
      let line = try #require(stdout.split(separator: "\n").last, "no output; stderr: \(stderr)")
      return try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  /// Runs to the end.
  /// - Parameter faults: runs the test build with these fault points.
  static func run(_ arguments: [String], faults: String? = nil, seconds: Double = 120) throws -> Output {
    let live = try Live(arguments, faults: faults)
    return try live.wait(seconds: seconds)
  }

  /// A process under way.
  final class Live: @unchecked Sendable {
    // Sendable: the process is only signalled and waited for.
    let process = Process()
    private let outPath: URL
    private let errorPath: URL
    private let ended = DispatchSemaphore(value: 0)

    /// - Parameter launcher: a program and its first arguments that runs the rest of its command line.
    init(_ arguments: [String], faults: String? = nil, launcher: [String] = []) throws {
      let scratch = Workspace.shared.scratch()
      outPath = scratch.appendingPathComponent("stdout")
      errorPath = scratch.appendingPathComponent("stderr")
      for path in [outPath, errorPath] { try Data().write(to: path) }
      let executable = Sluice.binaries.appendingPathComponent(faults == nil ? "sluice" : "sluice-faulty").path
      let line = launcher + [executable] + arguments
      process.executableURL = URL(fileURLWithPath: line[0])
      process.arguments = Array(line.dropFirst())
      process.currentDirectoryURL = Workspace.shared.root
      let files = try [outPath, errorPath].map { try FileHandle(forWritingTo: $0) }
      (process.standardOutput, process.standardError) = (files[0], files[1])
      process.standardInput = FileHandle.nullDevice
      if let faults {
        process.environment = ProcessInfo.processInfo.environment.merging([
          "SLUICE_FAULTS": faults, "SWIFT_BACKTRACE": "enable=no",
        ]) { $1 }
      }
      process.terminationHandler = { [ended] _ in ended.signal() }
      try process.run()
      // They are the process's now: hundreds of them in the tests would be inherited by whatever is started later.
      for file in files { try file.close() }
    }

    var written: String { (try? String(contentsOf: outPath, encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOf: errorPath, encoding: .utf8)) ?? "" }

    func wait(seconds: Double) throws -> Output {
      if ended.wait(timeout: .now() + seconds) == .timedOut {
        kill(process.processIdentifier, SIGKILL)
        ended.wait()
        Issue.record("no end within \(seconds) s: \(process.arguments ?? []); stderr: \(errors)")
      }
      let isSignal = process.terminationReason == .uncaughtSignal
      return Output(
        status: isSignal ? -1 : process.terminationStatus, signal: isSignal ? process.terminationStatus : nil,
        stdout: try String(contentsOf: outPath, encoding: .utf8), stderr: errors)
    }
  }
}

/// Waits until `body` gives a value; events of other processes can only be looked for.
func eventually<Value>(
  _ what: String, seconds: Double = 60, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Value?
) throws -> Value {
  let deadline = Date().addingTimeInterval(seconds)
  let pause = DispatchSemaphore(value: 0)
  while Date() < deadline {
    if let value = try body() { return value }
    _ = pause.wait(timeout: .now() + 0.02)
  }
  throw Missed(what: what)
}

struct Missed: Error, CustomStringConvertible {
  var what: String
  var description: String { "waited in vain for \(what)" }
}
