import Foundation
import Testing

/// scripts/python/serve_videos.py over a directory; its faults are switched on and off by files in it.
final class VideoServer {
  let base: String
  private let process = Process()
  private let input = Pipe()

  init(_ directory: String) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "python3", DocumentationTests.repository.appendingPathComponent("scripts/python/serve_videos.py").path,
      directory,
    ]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    base = "http://127.0.0.1:\(try #require(Int(line.trimmingCharacters(in: .whitespacesAndNewlines))))"
  }

  deinit {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
