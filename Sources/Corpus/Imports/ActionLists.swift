internal import Foundation

/// UCF101: `classInd.txt` ("1 ApplyEyeMakeup"), `trainlist01.txt` ("ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1") and
/// `testlist01.txt` (without the number), of three splits.
enum UCF101 {
  static func read(_ files: [String], split: Int) throws(CorpusError) -> DatasetImport.Content {
    var content = DatasetImport.Content()
    var classes: [Int: String] = [:]
    for path in files where (path as NSString).lastPathComponent == "classInd.txt" {
      for line in try ActionLists.lines(path) {
        guard line.words.count == 2, let number = Int(line.words[0]) else {
          throw CorpusError(.manifest, "\(line.place): expected a number and a class")
        }
        classes[number] = line.words[1]
      }
    }
    let lists = files.filter {
      let name = ($0 as NSString).lastPathComponent
      return name == "trainlist0\(split).txt" || name == "testlist0\(split).txt"
    }
    guard !lists.isEmpty else {
      throw CorpusError(.manifest, "\(files[0]): there is no trainlist0\(split).txt nor testlist0\(split).txt")
    }
    for path in lists {
      for line in try ActionLists.lines(path) {
        content.add(line.place, line.text) { () throws(MetadataMistake) in
          let parts = line.words[0].split(separator: "/")
          guard parts.count == 2 else { throw MetadataMistake(message: "expected CLASS/VIDEO.avi") }
          let label = String(parts[0])
          try check(label, number: line.words.dropFirst().first, classes)
          return ActionLists.clip(
            line, file: String(parts[1]), label, Split(official: (path as NSString).lastPathComponent))
        }
      }
    }
    if classes.isEmpty {
      content.collectLabels(ActionLists.label)
    } else {
      content.labels = classes.sorted { $0.key < $1.key }.map { ActionLists.label($0.value) }
    }
    return content
  }

  /// - Throws: for a class that `classInd.txt`, if it is there, does not have, or has under another number.
  private static func check(
    _ label: String, number: String?, _ classes: [Int: String]
  ) throws(MetadataMistake) {
    guard !classes.isEmpty else { return }
    guard classes.values.contains(label) else { throw MetadataMistake(message: "\(label) is not in classInd.txt") }
    guard let number else { return }
    guard let named = Int(number).flatMap({ classes[$0] }) else {
      throw MetadataMistake(message: "class \(number) is not in classInd.txt")
    }
    guard named == label else { throw MetadataMistake(message: "class \(number) is \(named), not \(label)") }
  }
}

/// HMDB51: for every class and split a file `brush_hair_test_split1.txt` of videos, each with 1 (train), 2 (test) or 0 (neither).
enum HMDB51 {
  static func read(_ files: [String], split: Int) throws(CorpusError) -> DatasetImport.Content {
    var content = DatasetImport.Content()
    let ending = "_test_split\(split).txt"
    let lists = files.filter { $0.hasSuffix(ending) }
    guard !lists.isEmpty else { throw CorpusError(.manifest, "\(files[0]): there is no file CLASS\(ending)") }
    for path in lists {
      let label = String((path as NSString).lastPathComponent.dropLast(ending.count))
      for line in try ActionLists.lines(path) where line.words.last != "0" {
        content.add(line.place, line.text) { () throws(MetadataMistake) in
          guard line.words.count == 2, let split = ["1": Split.train, "2": .test][line.words[1]] else {
            throw MetadataMistake(message: "expected a video and 0, 1 or 2")
          }
          return ActionLists.clip(line, file: line.words[0], label, split)
        }
      }
    }
    content.collectLabels(ActionLists.label)
    return content
  }
}

/// What the two have in common.
enum ActionLists {
  /// The lines of a list.
  static func lines(_ path: String) throws(CorpusError) -> [TextLine] {
    try TextLine.read(path, "a class or a video a line")
  }

  static func clip(_ line: TextLine, file: String, _ label: String, _ split: Split?) -> DatasetImport.Clip {
    DatasetImport.Clip(
      place: line.place, text: line.text, names: [((file as NSString).deletingPathExtension, false)], folders: [label],
      label: label, split: split)
  }

  /// A class and the words of its name: `ApplyEyeMakeup`, `brush_hair`.
  static func label(_ name: String) -> Label {
    var phrase = ""
    for character in name {
      if character.isUppercase, phrase.last?.isLowercase == true { phrase.append(" ") }
      phrase.append(character == "_" ? " " : character)
    }
    return Label(name, phrases: [phrase.lowercased()])
  }
}
