import Foundation
import Testing

/// The units of scripts/systemd are what systemd takes.
struct SystemdTests {
  private static let program = "/usr/bin/systemd-analyze"

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: program), "needs the package systemd"))
  func unitsAreValid() throws {
    let source = DocumentationTests.repository.appendingPathComponent("scripts/systemd")
    let units = try FileManager.default.contentsOfDirectory(atPath: source.path).sorted()
    #expect(units == ["sluice-decode@.service", "sluice-node@.service"])
    let directory = Workspace.shared.scratch()
    for unit in units {
      // Where the program is here.
      let text = try String(contentsOf: source.appendingPathComponent(unit), encoding: .utf8)
      let placed = text.replacing("/usr/local/bin/sluice", with: Sluice.binaries.appendingPathComponent("sluice").path)
      #expect(placed != text)
      let file = directory.appendingPathComponent(unit.replacing("@", with: "@one"))
      try placed.write(to: file, atomically: true, encoding: .utf8)
      let process = Process()
      let output = Pipe()
      process.executableURL = URL(fileURLWithPath: Self.program)
      process.arguments = ["verify", "--man=no", file.path]
      (process.standardOutput, process.standardError) = (output, output)
      try process.run()
      let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0 && !said.contains("sluice-"), "\(unit): \(said)")
    }
  }
}
