import Corpus
import Foundation
import Testing

/// Small files in each data set's own format, with the odd rows that those really have.
@Suite struct DatasetImportTests {
  let scratch: Collection

  init() throws { scratch = try Collection(manifest: []) }

  struct Clip: Decodable, Equatable {
    let file: String
    let labels: [String]
    let split: String?
    var start: Double?
    var end: Double?
  }

  struct Outcome {
    let report: DatasetImport.Report
    /// Files relative to the directory of the videos.
    let clips: [Clip]
    let labels: [String]
    let missing: [String]
    let rejects: [String]
  }

  func videos(_ paths: [String]) throws {
    for path in paths {
      let url = URL(fileURLWithPath: "\(scratch.directory)/videos/\(path)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data().write(to: url)
    }
  }

  func annotations(_ name: String, _ text: String) throws {
    try FileManager.default.createDirectory(
      atPath: scratch.directory + "/annotations", withIntermediateDirectories: true)
    try scratch.write(text, to: "annotations/\(name)")
  }

  func run(
    _ format: DatasetImport.Format, _ change: (inout DatasetImport.Options) -> Void = { _ in }
  ) throws -> Outcome {
    let directory = scratch.directory
    var options = DatasetImport.Options(annotations: ["\(directory)/annotations"], videos: "\(directory)/videos")
    change(&options)
    var told: [DatasetReject] = []
    let report = try DatasetImport.run(format, options, to: "\(directory)/corpus") { told.append($0) }
    #expect(told.count == report.rejected + report.duplicates)
    func lines(_ name: String) -> [String] {
      let text = (try? String(contentsOfFile: "\(directory)/corpus/\(name)", encoding: .utf8)) ?? ""
      return text.split(separator: "\n").map { $0.replacingOccurrences(of: "\(directory)/annotations/", with: "") }
    }
    let clips = try lines("manifest.jsonl").map { line in
      try JSONDecoder().decode(
        Clip.self, from: Data(line.replacingOccurrences(of: "\(directory)/videos/", with: "").utf8))
    }
    #expect(clips.count == report.clips && lines("missing.txt").count == report.missing)
    let used = report.clips + report.furtherLabels
    let unused = report.missing + report.unlabelled + report.rejected + report.duplicates
    #expect(used + unused == report.rows, "nothing is silently dropped")
    return Outcome(
      report: report, clips: clips, labels: lines("labels.txt"), missing: lines("missing.txt"),
      rejects: lines("rejects.txt"))
  }

  @Test func kinetics() throws {
    try annotations(
      "train.csv",
      """
      label,youtube_id,time_start,time_end,split
      "massaging person's head",-abcDEF0123,12,22,train
      riding a bike,_0x1,0,10,train
      "hugging (not baby)",whole_video,3,13,train
      riding a bike,_0x1,0,10,train
      riding a bike,gone,5,15,train
      riding a bike,half
      riding a bike,,1,2,train
      riding a bike,odd,9,9,train
      riding a bike,late,x,9,train
      """)
    try annotations("validate.csv", "label,youtube_id,time_start,time_end,split,is_cc\nriding a bike,v1,1,11,val,0\n")
    try annotations("test.csv", "youtube_id,time_start,time_end,split\nt1,1,11,test\n")
    try videos([
      "train/massaging_person's_head/-abcDEF0123_000012_000022.mp4", "train/_0x1_000000_000010.mp4",
      "test/_0x1_000000_000010.mp4", "whole_video.mkv", "val/riding a bike/v1_000001_000011.mp4", "notes.txt",
    ])
    let outcome = try run(.kinetics)
    #expect(
      outcome.clips == [
        Clip(
          file: "train/massaging_person's_head/-abcDEF0123_000012_000022.mp4", labels: ["massaging person's head"],
          split: "train"),
        Clip(file: "train/_0x1_000000_000010.mp4", labels: ["riding a bike"], split: "train"),
        Clip(file: "whole_video.mkv", labels: ["hugging (not baby)"], split: "train", start: 3, end: 13),
        Clip(file: "val/riding a bike/v1_000001_000011.mp4", labels: ["riding a bike"], split: "validation"),
      ])
    #expect(outcome.labels == ["hugging (not baby)", "massaging person's head", "riding a bike"])
    #expect(outcome.report.splits == ["train": 3, "validation": 1] && outcome.report.unlabelled == 1)
    #expect(outcome.missing == ["gone_000005_000015\triding a bike\ttrain.csv:6"])
    #expect(outcome.report.duplicates == 1 && outcome.report.rejected == 4)
    #expect(
      outcome.rejects.map { String($0.split(separator: ":")[1]) }
        == ["5", "7", "8", "9", "10"].sorted { Int($0)! < Int($1)! })
    #expect(outcome.rejects[0].contains("the same file and segment as train.csv:3"))
  }

  private func epicKitchens() throws {
    try annotations(
      "EPIC_100_train.csv",
      #"""
      narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes
      P01_01_0,P01,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,8,202,open door,open,3,door,3,['door'],[3]
      P01_01_1,P01,P01_01,00:00:02.629,00:01:01.50,01:00:06.17,262,370,"put board, knife",put-down,1,board:cutting,19,"['board:cutting', 'knife']","[19, 5]"
      P02_03_7,P02,P02_03,00:00:02.629,00:00:04.00,00:00:03.00,262,370,open door,open,3,door,3,['door'],[3]
      P02_03_8,P02,P02_03,00:00:02.629,,00:00:03.00,262,370,open door,open,3,door,3,['door'],[3]
      P02_03_9,P02,P02_03,00:00:02.629,00:00:05.00,00:00:07.00,262,370,open door,open,3,door,3,['door'],[3]
      P09_01_0,P09,P09_01,00:00:02.629,00:00:05.00,00:00:07.00,262,370,open door,open,3,door,3,['door'],[3]
      P01_01_0,P01,P01_01,00:00:01.089,00:00:00.14,00:00:03.37,8,202,open door,open,3,door,3,['door'],[3]
      """#)
    try annotations(
      "EPIC_100_test_timestamps.csv",
      "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,stop_frame\n"
        + "P01_11_0,P01,P01_11,00:00:00.0,00:00:00.00,00:00:01.89,1,113\n")
    try annotations(
      "EPIC_100_verb_classes.csv",
      "id,key,instances,category\n0,take,\"['take', 'pick-up']\",retrieve\n1,put,\"['put', 'put-down']\",leave\n3,open,['open'],access\n"
    )
    try annotations(
      "EPIC_100_noun_classes.csv",
      "id,key,instances,category\n3,door,['door'],x\n19,board:chopping,\"['board:chopping', 'board:cutting']\",x\n")
    try videos(["P01/P01_01.MP4", "P02/videos/P02_03.MP4"])
  }

  @Test func epicKitchensActions() throws {
    try epicKitchens()
    let outcome = try run(.epicKitchens) { $0.validationParticipants = ["P02"] }
    #expect(
      outcome.clips == [
        Clip(file: "P01/P01_01.MP4", labels: ["open door"], split: "train", start: 0.14, end: 3.37),
        Clip(file: "P01/P01_01.MP4", labels: ["put board:chopping"], split: "train", start: 61.5, end: 3606.17),
        Clip(file: "P02/videos/P02_03.MP4", labels: ["open door"], split: "validation", start: 5, end: 7),
      ])
    #expect(outcome.labels == ["put board:chopping\tput chopping board", "open door"])
    #expect(outcome.report.unlabelled == 1 && outcome.report.rejected == 2 && outcome.report.duplicates == 1)
    #expect(outcome.missing == ["P09_01\topen door\tEPIC_100_train.csv:7"])
  }

  @Test func epicKitchensVerbsAndNouns() throws {
    try epicKitchens()
    let verbs = try run(.epicKitchens) { $0.labels = .verb }
    #expect(verbs.clips.map(\.labels) == [["open"], ["put"], ["open"]])
    #expect(verbs.labels == ["take\ttake\tpick up", "put\tput\tput down", "open"])
    let nouns = try run(.epicKitchens) { $0.labels = .noun }
    #expect(nouns.clips.map(\.labels) == [["door"], ["board:chopping"], ["door"]])
    #expect(nouns.labels == ["door", "board:chopping\tchopping board\tcutting board"])
  }

  /// EPIC-KITCHENS-55, without files of classes: the word of a class' first row is its name.
  @Test func epicKitchensOfTheFirstRelease() throws {
    try annotations(
      "EPIC_train_action_labels.csv",
      """
      uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes
      0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2,door,8,['door'],[8]
      41,P01,P01_01,dicing courgette,00:02:30.53,00:02:45.65,9031,9939,dice,5,courgette,69,['courgette'],[69]
      42,P01,P01_01,cut courgette,00:02:45.75,00:03:00.28,9945,10816,cut,5,courgette,69,['courgette'],[69]
      """)
    try videos(["P01_01.MP4"])
    let outcome = try run(.epicKitchens) { $0.labels = .verb }
    #expect(outcome.labels == ["open", "dice"] && outcome.clips.map(\.labels) == [["open"], ["dice"], ["dice"]])
  }

  @Test func somethingSomething() throws {
    try annotations(
      "something-something-v2-train.json",
      #"""
      [{"id":"78687","label":"holding potato next to vicks vaporub bottle","template":"Holding [something] next to [something]","placeholders":["potato","vicks vaporub bottle"]},
       {"id":42326,"label":"poking a \"stack\" of cds","template":"Poking a stack of [something] without the stack collapsing","placeholders":["cds"]},
       {"id":"78687","label":"again","template":"Holding [something] next to [something]","placeholders":[]},
       {"label":"no id","template":"Holding [something] next to [something]"}, 7,
       {"id":"9","label":"x","template":"Unheard of [something]","placeholders":[]},
       {"id":"10","label":"x","template":"Holding [something] next to [something]","placeholders":[]}]
      """#)
    try annotations("something-something-v2-test.json", #"[{"id":"1420"}]"#)
    try annotations(
      "something-something-v2-labels.json",
      #"{"Poking a stack of something without the stack collapsing":"1","Holding something next to something":"0"}"#)
    try videos(["78687.webm", "42326.webm", "1420.webm", "9.webm"])
    let outcome = try run(.somethingSomething)
    #expect(
      outcome.clips == [
        Clip(file: "78687.webm", labels: ["Holding something next to something"], split: "train"),
        Clip(
          file: "42326.webm", labels: ["Poking a stack of something without the stack collapsing"], split: "train"),
      ])
    #expect(
      outcome.labels == [
        "Holding something next to something", "Poking a stack of something without the stack collapsing",
      ])
    #expect(outcome.report.unlabelled == 1 && outcome.report.duplicates == 1 && outcome.report.rejected == 3)
    #expect(outcome.missing == ["10\tHolding something next to something\tsomething-something-v2-train.json: entry 7"])
    #expect(outcome.rejects.contains { $0.hasPrefix("something-something-v2-train.json: entry 5: not a JSON object") })
  }

  @Test func somethingSomethingOfTheFirstRelease() throws {
    try annotations(
      "something-something-v1-train.csv",
      "100218;Something falling like a feather or paper\n;x\n24413;Holding something\n")
    try annotations("something-something-v1-validation.csv", "7;Holding something\n8;Holding something else\n")
    try annotations("something-something-v1-test.csv", "9\n")
    try annotations(
      "something-something-v1-labels.csv", "Holding something\nSomething falling like a feather or paper\n")
    try videos(["100218.mp4", "7.mp4", "8.mp4"])
    let outcome = try run(.somethingSomething)
    #expect(
      outcome.clips.map(\.file) == ["100218.mp4", "7.mp4"] && outcome.report.splits == ["train": 1, "validation": 1])
    #expect(outcome.labels == ["Holding something", "Something falling like a feather or paper"])
    #expect(outcome.report.unlabelled == 1 && outcome.report.rejected == 2 && outcome.report.missing == 1)
  }

  @Test func ucf101() throws {
    try annotations("classInd.txt", "1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n")
    try annotations(
      "trainlist01.txt",
      "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1\r\nHandstandPushups/v_HandStandPushups_g08_c01.avi 2\r\n"
        + "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c02.avi 2\r\nv_Lost.avi 1\r\nApplyEyeMakeup/v_ApplyEyeMakeup_g09_c01.avi 1\r\n"
    )
    try annotations("testlist01.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi\n")
    try annotations("trainlist02.txt", "ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi 1\n")
    try videos([
      "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", "UCF-101/HandstandPushups/v_HandstandPushups_g08_c01.avi",
      "UCF-101/ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi",
    ])
    let outcome = try run(.ucf101)
    #expect(
      outcome.clips.map(\.split) == ["test", "train", "train"] && outcome.clips.map(\.labels)[2] == ["HandstandPushups"]
    )
    #expect(outcome.labels == ["ApplyEyeMakeup\tapply eye makeup", "HandstandPushups\thandstand pushups"])
    #expect(outcome.report.missing == 1 && outcome.report.rejected == 2)
    #expect(try run(.ucf101) { $0.splitNumber = 2 }.report.splits == ["train": 1])
    let error = corpusError { _ = try run(.ucf101) { $0.splitNumber = 3 } }
    #expect(error?.message.contains("no trainlist03.txt") == true)
  }

  @Test func hmdb51() throws {
    try annotations(
      "brush_hair_test_split1.txt",
      "April_09_brush_hair_u_nm_np1_ba_goo_0.avi 1 \nsame_name.avi 2 \nunused.avi 0 \nbad.avi 3 \nlost.avi 1\n")
    try annotations("wave_test_split1.txt", "same_name.avi 1\nLes_#sais@n(s)_wave.avi 2\n")
    try annotations("wave_test_split2.txt", "same_name.avi 2\n")
    try videos([
      "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair/same_name.avi", "wave/same_name.avi",
      "wave/Les_#sais@n(s)_wave.avi",
    ])
    let outcome = try run(.hmdb51)
    #expect(
      outcome.clips.map(\.file) == [
        "brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi", "brush_hair/same_name.avi", "wave/same_name.avi",
        "wave/Les_#sais@n(s)_wave.avi",
      ])
    #expect(outcome.clips.map(\.split) == ["train", "test", "train", "test"])
    #expect(outcome.labels == ["brush_hair\tbrush hair", "wave"] && outcome.report.rows == 6)
    #expect(outcome.missing == ["lost\tbrush_hair\tbrush_hair_test_split1.txt:5"] && outcome.report.rejected == 1)
  }

  @Test func whatIsNotThereIsNamed() throws {
    try annotations("train.csv", "label,youtube_id,time_start,time_end,split\nx,a,1,2,train\n")
    #expect(corpusError { _ = try run(.kinetics) }?.message.contains("no such directory of videos") == true)
    try videos(["b.mp4"])
    let error = corpusError { _ = try run(.kinetics) }
    #expect(error?.code == .empty && error?.message.contains("not one video of the 1 rows") == true)
    let corpus = scratch.directory + "/corpus"
    #expect(error?.message.hasSuffix("all are in \(corpus)/missing.txt") == true, "\(error as Any)")
    let missing = try String(contentsOfFile: corpus + "/missing.txt", encoding: .utf8)
    #expect(missing.hasPrefix("a") && missing.contains("\tx\t") && missing.hasSuffix("train.csv:2\n"))
    #expect(!FileManager.default.fileExists(atPath: corpus + "/manifest.jsonl"))
    #expect(corpusError { _ = try run(.epicKitchens) }?.message.contains("video_id, start_timestamp") == true)
    let absent = corpusError { _ = try run(.kinetics) { $0.annotations = ["/nonexistent.csv"] } }
    #expect(absent?.message == "/nonexistent.csv: cannot be read")
  }

  /// What is imported is built like any other directory.
  @Test func whatIsImportedCanBeBuilt() throws {
    try epicKitchens()
    _ = try run(.epicKitchens)
    let report = try CorpusBuilder.build(
      directory: scratch.directory + "/corpus", labelsFile: nil, workers: 1, prober: fakeProbe)
    #expect(report.videos == 2 && report.leftOut.map(\.reason) == ["no frame lies in its segment"])
    #expect(!report.warnings.contains { $0.contains("end after their video") })
  }
}
