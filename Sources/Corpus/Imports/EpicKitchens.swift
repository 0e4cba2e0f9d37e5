internal import Foundation

/// EPIC-KITCHENS-55 and -100: segments of long videos `P01_01.MP4`, each with a verb and a noun class, in CSV; the classes' names
/// and their words are in files of their own (`verb_id,class_key,verbs` or `id,key,instances,category`). Both releases have more
/// files in the same folder, of videos, objects, tail classes and so on, which are passed over.
enum EpicKitchens {
  private struct Class {
    let name: String
    let phrases: [String]
  }

  /// Columns of every file of segments.
  private static let columns = ["video_id", "start_timestamp", "stop_timestamp"]

  /// Files that look like those of actions but are not: segments of what was said, segments whose verb or noun the authors took
  /// out, and VISOR's nouns, which have five hands, feet and gloves more than the actions.
  private static let ofOtherTasks = [
    "EPIC_train_action_narrations.csv", "EPIC_train_invalid_labels.csv", "EPIC_100_noun_classes_v2.csv",
  ]

  static func read(
    _ files: [String], _ options: DatasetImport.Options
  ) throws(CorpusError) -> DatasetImport.Content {
    var verbs: [Int: Class] = [:]
    var nouns: [Int: Class] = [:]
    var tables: [AnnotationTable] = []
    var content = DatasetImport.Content()
    for path in files {
      let table = try AnnotationTable(path: path)
      let name = (path as NSString).lastPathComponent
      if ofOtherTasks.contains(name) {
        content.passedOver.append(name)
      } else if table.columns.contains("class_key") || table.columns.contains("instances") {
        let classes = try classes(table)
        if name.contains("verb") { verbs = classes } else { nouns = classes }
      } else if columns.allSatisfy(table.columns.contains) {
        tables.append(table)
      } else {
        content.passedOver.append(name)
      }
    }
    guard !tables.isEmpty else {
      throw CorpusError(
        .manifest,
        "\(files[0]): neither it nor another file has actions, with the columns \(columns.joined(separator: ", ")); "
          + "are they of EPIC-KITCHENS?")
    }
    var seen: [[Int]: Label] = [:]
    for table in tables {
      try table.forEachRow { row in
        content.add(row.place, row.text) { () throws(MetadataMistake) in
          let (verb, noun) = (
            try label(row, "verb", options.labels != .noun, &verbs),
            try label(row, "noun", options.labels != .verb, &nouns)
          )
          let ids = [verb?.id, noun?.id].compactMap(\.self)
          guard ids.count == (options.labels == .action ? 2 : 1) else { return nil }
          let label = joined([verb?.found, noun?.found].compactMap(\.self))
          seen[ids] = label
          return try clip(row, table.path, label.name, options)
        }
      } rejected: { reject in
        content.findings.append(.reject(reject))
      }
    }
    switch options.labels {
    case .verb: content.labels = sorted(verbs)
    case .noun: content.labels = sorted(nouns)
    case .action: content.labels = seen.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    }
    return content
  }

  private static func classes(_ table: AnnotationTable) throws(CorpusError) -> [Int: Class] {
    var classes: [Int: Class] = [:]
    var mistake: CorpusError?
    try table.forEachRow { row in
      let id = (row["id"] ?? row["verb_id"] ?? row["noun_id"]).flatMap { Int($0) }
      guard let id, let name = row["key"] ?? row["class_key"] else {
        mistake = CorpusError(.manifest, "\(row.place): a class needs a number and a key")
        return
      }
      let words = list(row["instances"] ?? row["verbs"] ?? row["nouns"] ?? "")
      classes[id] = Class(name: name, phrases: phrases([name] + words))
    } rejected: { reject in
      mistake = CorpusError(.manifest, "\(reject.place): \(reject.reason)")
    }
    if let mistake { throw mistake }
    return classes
  }

  /// The class of a row's verb or noun. One that no file of classes names is called by the word of its first row.
  private static func label(
    _ row: AnnotationTable.Row, _ kind: String, _ isWanted: Bool, _ classes: inout [Int: Class]
  ) throws(MetadataMistake) -> (id: Int, found: Class)? {
    guard isWanted, let text = row["\(kind)_class"] else { return nil }
    guard let id = Int(text), id >= 0 else {
      throw MetadataMistake(message: "`\(kind)_class` is \"\(text.prefix(40))\", not a class")
    }
    if let known = classes[id] { return (id, known) }
    let name = row[kind] ?? "\(kind) \(id)"
    let isTaken = classes.values.contains { $0.name == name }
    let found = Class(name: isTaken ? "\(name) \(id)" : name, phrases: phrases([name]))
    classes[id] = found
    return (id, found)
  }

  private static func clip(
    _ row: AnnotationTable.Row, _ path: String, _ label: String, _ options: DatasetImport.Options
  ) throws(MetadataMistake) -> DatasetImport.Clip {
    let video = try row.required("video_id")
    let participant = row["participant_id"] ?? String(video.prefix { $0 != "_" })
    let (start, end) = (try seconds(row, "start_timestamp"), try seconds(row, "stop_timestamp"))
    guard start < end else { throw MetadataMistake(message: "its segment ends before it starts") }
    let split =
      options.validationParticipants.contains(participant)
      ? .validation : Split(official: (path as NSString).lastPathComponent)
    return DatasetImport.Clip(
      place: row.place, text: row.text, names: [(video, true)], folders: [participant], label: label, split: split,
      start: start, end: end)
  }

  /// `HH:MM:SS.SS` in seconds.
  private static func seconds(_ row: AnnotationTable.Row, _ column: String) throws(MetadataMistake) -> Double {
    let text = try row.required(column)
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) }
    guard parts.count == 3, let hours = parts[0], let minutes = parts[1], let seconds = parts[2],
      [hours, minutes, seconds].allSatisfy((0...Manifest.longestSeconds).contains)
    else { throw MetadataMistake(message: "`\(column)` is \"\(text.prefix(40))\", not HH:MM:SS.SS") }
    let sum = hours * 3600 + minutes * 60 + seconds
    guard sum <= Manifest.longestSeconds else {
      throw MetadataMistake(message: "`\(column)` is \"\(text.prefix(40))\", longer than any video")
    }
    return (sum * 1000).rounded() / 1000
  }

  /// The elements of a list as Python writes it: `['board:cutting', "chef's knife"]`.
  private static func list(_ text: String) -> [String] {
    text.matches(of: /'([^']*)'|"([^"]*)"/).map { String($0.1 ?? $0.2 ?? "") }
  }

  /// Words as people say them: `board:cutting` is a cutting board, `turn-on` has two words.
  private static func phrases(_ words: [String]) -> [String] {
    var phrases: [String] = []
    for word in words {
      let phrase = word.split(separator: ":").reversed().joined(separator: " ").replacingOccurrences(of: "-", with: " ")
      if !phrases.contains(phrase), !LabelPhrase(phrase).words.isEmpty { phrases.append(phrase) }
    }
    return phrases
  }

  private static func joined(_ classes: [Class]) -> Label {
    guard classes.count == 2 else { return Label(classes[0].name, phrases: classes[0].phrases) }
    let phrases = classes[0].phrases.prefix(1).flatMap { verb in classes[1].phrases.prefix(1).map { "\(verb) \($0)" } }
    return Label("\(classes[0].name) \(classes[1].name)", phrases: phrases)
  }

  private static func sorted(_ classes: [Int: Class]) -> [Label] {
    classes.sorted { $0.key < $1.key }.map { Label($0.value.name, phrases: $0.value.phrases) }
  }
}
