import Foundation
import Testing

/// The unit files of scripts/systemd.
@Suite struct SystemdTests {
  private static let analyze = "/usr/bin/systemd-analyze"
  private static let isInstalled = FileManager.default.isExecutableFile(atPath: analyze)

  @Test(.enabled(if: isInstalled, "needs the package systemd")) func systemdAcceptsTheUnits() throws {
    let folder = DocumentationTests.repository.appendingPathComponent("scripts/systemd")
    let units = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".service") }
    #expect(units.sorted() == ["sluice-coordinator@.service", "sluice-node@.service", "sluice-worker@.service"])
    let place = Workspace.shared.scratch()
    for unit in units {
      // The program where it is; verified as an instance.
      let text = try String(contentsOf: folder.appendingPathComponent(unit), encoding: .utf8)
      #expect(text.contains("/usr/local/bin/sluice "))
      let here = text.replacingOccurrences(
        of: "/usr/local/bin/sluice ", with: "\(Sluice.binaries.appendingPathComponent("sluice").path) ")
      let file = place.appendingPathComponent(unit.replacingOccurrences(of: "@", with: "@one"))
      try here.write(to: file, atomically: true, encoding: .utf8)
      let (status, output) = try verify(file)
      #expect(status == 0 && output.isEmpty, "\(unit): \(output)")
      let broken = here.replacingOccurrences(of: "KillMode=mixed", with: "KillMode=nonsense")
      try broken.write(to: file, atomically: true, encoding: .utf8)
      #expect(try verify(file).output.contains("nonsense"), "what is wrong is found")
    }
  }

  private func verify(_ file: URL) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.analyze)
    process.arguments = ["verify", "--man=no", file.path]
    let output = Pipe()
    (process.standardOutput, process.standardError) = (output, output)
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    // Of other units of this machine it may say something, too.
    let lines = text.split(separator: "\n").filter { $0.contains(file.lastPathComponent) }
    return (process.terminationStatus, lines.joined(separator: "\n"))
  }
}
