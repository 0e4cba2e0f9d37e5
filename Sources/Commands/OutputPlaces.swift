internal import ArgumentParser
internal import Files

/// The files that a command writes after work of hours: what is wrong with them is said before.
enum OutputPlaces {
  /// - Parameters:
  ///   - outputs: by their options.
  ///   - inputs: files that are read.
  /// - Throws: for two outputs that are one file, and for one that is read.
  static func requireOthers(_ outputs: [(option: String, path: String?)], reading inputs: [String]) throws {
    let read = Dictionary(inputs.map { (FilePlace($0), $0) }) { first, _ in first }
    var written: [FilePlace: String] = [:]
    for (option, path) in outputs {
      guard let path else { continue }
      if path.isEmpty { throw ValidationError("\(option) must be the name of a file") }
      if let input = read[FilePlace(path)] {
        throw ValidationError("\(option): \(path) is the same file as \(input), which is read; write to another")
      }
      if let other = written.updateValue(option, forKey: FilePlace(path)) {
        throw ValidationError("\(other) and \(option) are the same file, \(path)")
      }
    }
  }
}
