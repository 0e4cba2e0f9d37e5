import ArgumentParser
import Files
import Foundation

/// `--json`: one JSON object on the last line of standard output.
package struct JSONOutput: ParsableArguments {
  @Flag(help: "Print one JSON object on the last line of standard output.")
  package var json = false

  package init() {}

  /// Prints `value` as one line of JSON when `--json` was given, otherwise `text`.
  package func print(_ value: some Encodable, text: @autoclosure () -> String) throws {
    guard json else {
      Swift.print(text())
      return
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    Swift.print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// Writes a file with a JSON object a line.
  static func writeLines(_ values: [some Encodable], to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var bytes: [UInt8] = []
    for value in values { bytes += Array(try encoder.encode(value)) + [UInt8(ascii: "\n")] }
    try OutputFile.replace(path, with: bytes)
  }
}
