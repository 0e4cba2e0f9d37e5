import Corpus
import Foundation
import Testing

/// A file of annotations: its name and its text.
struct AnnotationFile: Sendable {
  let name: String
  let text: String

  init(_ name: String, _ lines: String...) { (self.name, text) = (name, lines.joined(separator: "\n") + "\n") }
}

/// The CSV files in the directories that EPIC-KITCHENS publishes, with the columns they have there.
private let epicKitchens55 = [
  AnnotationFile(
    "EPIC_descriptions.csv", "video_id,date,time,description", "P01_01,1/2/2017,13:49:00,\"rice, celery\""),
  AnnotationFile(
    "EPIC_many_shot_actions.csv", "action_class,noun,noun_class,verb,verb_class", "\"(2, 8)\",door,8,open,2"),
  AnnotationFile("EPIC_many_shot_nouns.csv", "noun_class,noun", "8,door"),
  AnnotationFile("EPIC_many_shot_verbs.csv", "verb_class,verb", "2,open"),
  AnnotationFile("EPIC_noun_classes.csv", "noun_id,class_key,nouns", "8,door,['door']", "78,top,\"['top', 'hob']\""),
  AnnotationFile(
    "EPIC_test_s1_object_action_correspondence.csv",
    ",action_frame,object_frame,participant_id,timestamp,video_id", "0,1,1,P01,00:00:00.00,P01_11"),
  AnnotationFile("EPIC_test_s1_object_video_list.csv", "video_id,participant_id", "P01_11,P01"),
  AnnotationFile(
    "EPIC_test_s1_timestamps.csv", "uid,participant_id,video_id,start_timestamp,stop_timestamp,start_frame,stop_frame",
    "1924,P01,P01_11,00:00:00.00,00:00:01.89,1,113"),
  AnnotationFile(
    "EPIC_train_action_labels.csv",
    "uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes",
    "0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2,door,8,['door'],[8]"),
  AnnotationFile(
    "EPIC_train_action_narrations.csv", "participant_id,video_id,start_timestamp,stop_timestamp,narration",
    "P01,P01_01,00:00:01.089,00:00:02.629,open door"),
  AnnotationFile(
    "EPIC_train_invalid_labels.csv",
    "uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes",
    "119,P01,P01_01,stay,00:08:45.83,00:09:01.44,31549,32486,open,2,hob,78,['hob'],[78]"),
  AnnotationFile(
    "EPIC_train_object_labels.csv", "noun_class,noun,participant_id,video_id,frame,bounding_boxes",
    "8,door,P01,P01_01,56581,\"[(76, 1260, 462, 186)]\""),
  AnnotationFile("EPIC_verb_classes.csv", "verb_id,class_key,verbs", "2,open,\"['open', 'open-up']\""),
  AnnotationFile("EPIC_video_info.csv", "video,resolution,duration,fps", "P01_01,1920x1080,1652.152817,59.94"),
]

private let epicKitchens100 = [
  AnnotationFile("EPIC_100_missing_narration_timestamps.csv", "uid,narration_id", "1677,P01_09_660"),
  AnnotationFile("EPIC_100_noun_classes.csv", "id,key,instances,category", "8,door,['door'],furniture"),
  AnnotationFile(
    "EPIC_100_noun_classes_v2.csv", "\"id\",\"key\",\"instances\",\"category\"",
    "8,\"door\",\"['door']\",\"furniture\"",
    "300,\"hand:left\",\"['hand:left']\",\"hand\""
  ),
  AnnotationFile("EPIC_100_tail_nouns.csv", "noun", "56"),
  AnnotationFile("EPIC_100_tail_verbs.csv", "verb", "10"),
  AnnotationFile(
    "EPIC_100_test_timestamps.csv",
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame",
    "P01_101_0,P01,P01_101,00:00:02.851,00:00:02.86,00:00:03.87,143,193"),
  AnnotationFile(
    "EPIC_100_train.csv",
    "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes",
    "P01_01_0,P01,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,8,202,open door,open,2,door,8,['door'],[8]"),
  AnnotationFile("EPIC_100_train_missing_timestamp_narrations.csv", ",narration_id", "0,P01_09_660"),
  AnnotationFile("EPIC_100_unseen_participant_ids_test.csv", "participant_id", "P33"),
  AnnotationFile("EPIC_100_unseen_participant_ids_validation.csv", "participant_id", "P18"),
  AnnotationFile("EPIC_100_verb_classes.csv", "id,key,instances,category", "2,open,\"['open', 'open-up']\",access"),
  AnnotationFile("EPIC_100_video_info.csv", "video_id,duration,fps,resolution", "P01_01,1652.152817,59.94,1920x1080"),
  AnnotationFile(
    "Extension_Participants.csv", "Participant,ReturningKitchen,ChangingKitchen,NewParticipant", "P01,0,1,0"),
]

/// What the directories of annotations and videos hold beside what is looked for.
extension DatasetImportTests {
  @Test(arguments: [epicKitchens55, epicKitchens100])
  func epicKitchensAsItIsPublished(files: [AnnotationFile]) throws {
    for file in files { try annotations(file.name, file.text) }
    try annotations("README.md", "# EPIC-KITCHENS\n")
    try videos(["P01/P01_01.MP4"])
    for kind in DatasetImport.LabelKind.allCases {
      let outcome = try run(.epicKitchens) { $0.labels = kind }
      #expect(outcome.clips.map(\.start) == [0.14] && outcome.report.rows == 2 && outcome.report.unlabelled == 1)
      let used = ["_classes.csv", "_test_timestamps.csv", "s1_timestamps.csv", "_train.csv", "action_labels.csv"]
      #expect(
        outcome.report.passedOver
          == files.map(\.name).filter { name in !used.contains { name.hasSuffix($0) } })
      if kind == .noun { #expect(outcome.labels.allSatisfy { !$0.contains("hand") }) }
    }
  }

  @Test func epicKitchensWithoutActions() throws {
    for file in epicKitchens55 where !file.name.contains("labels") && !file.name.contains("timestamps") {
      try annotations(file.name, file.text)
    }
    try videos(["P01_01.MP4"])
    let error = corpusError { _ = try run(.epicKitchens) }
    #expect(error?.message.contains("EPIC_descriptions.csv: neither it nor another file has actions") == true)
  }

  @Test(arguments: ["00:00:1e400", "00:00:nan", "inf:00:00", "99999999:00:00", "00:-1:00", "1:2"])
  func epicKitchensTimesAreChecked(time: String) throws {
    let header = "video_id,start_timestamp,stop_timestamp,verb,verb_class,noun,noun_class\n"
    try annotations(
      "EPIC_100_train.csv", header + "P01_01,00:00:00.1,\(time),open,1,door,2\nP01_01,00:00:00,00:00:01,open,1,door,2\n"
    )
    try videos(["P01_01.MP4"])
    let outcome = try run(.epicKitchens)
    #expect(outcome.clips.map(\.end) == [1] && outcome.rejects.count == 1)
    #expect(outcome.rejects[0].contains("`stop_timestamp` is \"\(time)\""))
  }

  /// Files of annotations that are not the data set's.
  @Test func filesOfOtherKinds() throws {
    try annotations("kinetics.json", "{}")
    try videos(["a.mp4"])
    let error = corpusError { _ = try run(.kinetics) }
    #expect(error?.message == "\(scratch.directory)/annotations: no annotation file of kinetics (.csv)")
    try annotations("train.csv", "label,youtube_id,time_start,time_end,split\nx,a,1,2,train\n")
    try annotations("val.csv.gz", "")
    let outcome = try run(.kinetics) { options in
      options.annotations = ["train.csv", "val.csv.gz"].map { "\(options.annotations[0])/\($0)" }
    }
    #expect(outcome.report.clips == 1 && outcome.report.passedOver == ["val.csv.gz"])
  }

  @Test func aFirstLineMayHaveQuotesAndCommas() throws {
    try annotations(
      "train.csv",
      "\u{FEFF}\"label\",\"youtube_id\",\"time_start\",\"time_end\",\"split\",\"note, if \"\"any\"\"\"\r\n"
        + "x,a,1,2,train,\r\n")
    try videos(["a.mp4"])
    #expect(try run(.kinetics).clips == [Clip(file: "a.mp4", labels: ["x"], split: "train", start: 1, end: 2)])
    try annotations("train.csv", "label,\"youtube_id\nx,a,1,2,train\n")
    #expect(corpusError { _ = try run(.kinetics) }?.message.contains("train.csv:1: a quote without its end") == true)
  }

  @Test func strayQuotesTakeNoOtherRows() throws {
    var rows = (0..<40).map { "x,v\($0),1,2,train" }
    (rows[5], rows[30]) = ("\"6 inch,v5,1,2,train", "\"6 inch,v30,1,2,train")
    try annotations("train.csv", (["label,youtube_id,time_start,time_end,split"] + rows).joined(separator: "\n"))
    try videos((0..<40).map { "v\($0).mp4" })
    let outcome = try run(.kinetics)
    #expect(outcome.report.rows == 40 && outcome.report.clips == 38)
    #expect(
      outcome.rejects.map { $0.prefix { $0 != "\"" } } == [7, 32].map { "train.csv:\($0): a quote without its end\t" })
  }

  @Test func kineticsWithoutASplit() throws {
    try annotations("kno.csv", "label,youtube_id,time_start,time_end\nx,a,1,2\n")
    try annotations("kinetics_val.csv", "label,youtube_id,time_start,time_end\nx,b,1,2\n")
    try annotations("odd.csv", "label,youtube_id,time_start,time_end,split\nx,a,1,2,dev\n")
    try videos(["a.mp4", "b.mp4"])
    let outcome = try run(.kinetics)
    #expect(outcome.clips.map(\.split) == ["validation"] && outcome.report.rejected == 2)
    #expect(outcome.rejects[0].contains("kno.csv:2: no `split`, nor one in the file's name; expected train"))
    #expect(outcome.rejects[1].contains("odd.csv:2: `split` is \"dev\"; expected train"))
  }

  @Test func rowsOfOtherEncodingsAreRejected() throws {
    let header = "label,youtube_id,time_start,time_end,split\n"
    try annotations("train.csv", header)
    let latin =
      Data(header.utf8) + Data("drinking caf".utf8) + [0xE9] + Data(",a,1,2,train\ndrinking,a,1,2,train\n".utf8)
    try latin.write(to: URL(fileURLWithPath: "\(scratch.directory)/annotations/train.csv"))
    try videos(["a.mp4"])
    let outcome = try run(.kinetics)
    #expect(outcome.labels == ["drinking"] && outcome.rejects.count == 1)
    #expect(outcome.rejects[0].contains("train.csv:2: column 1: not UTF-8"))
  }

  /// Ids of YouTube differ by case, too; a file of another case is another video.
  @Test func namesOfKineticsAreExact() throws {
    try annotations(
      "train.csv",
      "label,youtube_id,time_start,time_end,split\nx,abc,0,10,train\ny,ABC,0,10,train\nz,aBc,0,10,train\n")
    try videos(["abc_000000_000010.mp4", "ABC_000000_000010.mp4"])
    let outcome = try run(.kinetics)
    #expect(outcome.clips.map(\.file) == ["abc_000000_000010.mp4", "ABC_000000_000010.mp4"])
    #expect(outcome.clips.map(\.labels) == [["x"], ["y"]])
    #expect(outcome.missing == ["aBc_000000_000010\tz\ttrain.csv:4"])
  }

  /// UCF101 writes one class in two ways; still the exact name goes first, whatever the folders.
  @Test func exactNamesArePreferred() throws {
    try annotations("trainlist01.txt", "Wave/v_wave.avi 1\nWave/v_Wave.avi 1\nWave/V_WAVE.avi 1\nWave/v_jump.avi 1\n")
    try videos(["Wave/v_Wave.avi", "other/v_wave.avi", "V_JUMP.avi"])
    let outcome = try run(.ucf101)
    #expect(outcome.clips.map(\.file) == ["other/v_wave.avi", "Wave/v_Wave.avi", "V_JUMP.avi"])
    #expect(outcome.report.duplicates == 1 && outcome.report.furtherLabels == 0)
  }

  @Test func ucf101KnowsItsClasses() throws {
    try annotations("classInd.txt", "\u{FEFF}1 Archery\n2 Diving\n")
    try annotations(
      "trainlist01.txt",
      "Archery/a.avi 1\nJuggling/b.avi 3\nDiving/c.avi 3\nDiving/d.avi 1\nDiving/e.avi two\nJuggling/f.avi\nDiving/g.avi\n"
    )
    try videos("abcdefg".map { "\($0).avi" })
    let outcome = try run(.ucf101)
    #expect(outcome.clips.map(\.labels) == [["Archery"], ["Diving"]])
    #expect(
      outcome.rejects.map { String($0.split(separator: "\t")[0]) }.map { $0.dropFirst("trainlist01.txt:".count) } == [
        "2: Juggling is not in classInd.txt", "3: class 3 is not in classInd.txt", "4: class 1 is Archery, not Diving",
        "5: class two is not in classInd.txt", "6: Juggling is not in classInd.txt",
      ])
  }

  /// A segment with two labels keeps both; another split of it does not count.
  @Test func aSegmentMayHaveSeveralLabels() throws {
    try annotations(
      "EPIC_100_train.csv",
      """
      video_id,start_timestamp,stop_timestamp,verb,verb_class,noun,noun_class
      P01_01,00:00:00.10,00:00:01.00,open,2,door,8
      P01_01,00:00:00.10,00:00:01.00,turn-on,6,light,9
      P01_01,00:00:00.10,00:00:01.00,open,2,window,10
      P01_01,00:00:00.10,00:00:02.00,open,2,door,8
      """)
    try annotations(
      "EPIC_100_validation.csv",
      "video_id,start_timestamp,stop_timestamp,verb,verb_class,noun,noun_class\n"
        + "P01_01,00:00:00.10,00:00:01.00,close,3,door,8\n")
    try videos(["P01_01.MP4"])
    let outcome = try run(.epicKitchens) { $0.labels = .verb }
    #expect(outcome.clips.map(\.labels) == [["open", "turn-on"], ["open"]] && outcome.clips.map(\.end) == [1, 2])
    #expect(outcome.report.furtherLabels == 1 && outcome.report.duplicates == 2)
    #expect(outcome.rejects[0].contains("EPIC_100_train.csv:4: the same file and segment as EPIC_100_train.csv:2\t"))
    #expect(outcome.rejects[1].contains("EPIC_100_train.csv:2, which is of another split"))
    _ = try CorpusBuilder.build(
      directory: scratch.directory + "/corpus", labelsFile: nil, workers: 1, prober: fakeProbe)
    let videos = try Corpus(directory: scratch.directory + "/corpus").videos(split: .train)
    #expect(videos.map(\.labels).sorted { $0.count < $1.count } == [[0], [0, 2]])
  }

  /// Data sets lie on other disks: the directory itself, folders and files may be links.
  @Test func linksAreFollowed() throws {
    try annotations(
      "train.csv",
      "label,youtube_id,time_start,time_end,split\n"
        + "abcdefg".map { "riding a bike,\($0),1,2,train\n" }.joined())
    try videos(["riding a bike/a.mp4", "deep/er/b.mp4", "g.mp4/c.mp4"])
    let directory = scratch.directory
    func link(_ path: String, to target: String) throws {
      let url = URL(fileURLWithPath: "\(directory)/\(path)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(atPath: url.path, withDestinationPath: target)
    }
    for name in ["other/d.mp4", "other/more/e.mp4"] { try scratch.writeEmpty(name) }
    try link("videos/train", to: "../other")
    try link("videos/another", to: "../other")
    try link("videos/again", to: "riding a bike")
    try link("other/circle", to: "../videos")
    try link("videos/f.mp4", to: "nowhere.mp4")
    try link("videos/deep/g.mp4", to: "../riding a bike/a.mp4")
    try link("linked", to: "videos")
    let outcome = try run(.kinetics) { $0.videos = "\(directory)/linked" }
    #expect(
      outcome.clips.map { $0.file.replacingOccurrences(of: "\(directory)/linked/", with: "") } == [
        "riding a bike/a.mp4", "deep/er/b.mp4", "g.mp4/c.mp4", "another/d.mp4", "another/more/e.mp4", "deep/g.mp4",
      ])
    #expect(outcome.missing == ["f_000001_000002\triding a bike\ttrain.csv:7"])
  }
}

extension Collection {
  /// An empty file, and the folders it is in.
  fileprivate func writeEmpty(_ name: String) throws {
    let url = URL(fileURLWithPath: "\(directory)/\(name)")
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data().write(to: url)
  }
}
