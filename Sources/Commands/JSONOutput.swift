import ArgumentParser
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
}
