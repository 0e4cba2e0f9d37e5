import Foundation
import Glibc
import Testing

/// Every planned clip is used exactly once, and the ledger notices when not.
@Suite(.serialized) struct AuditTests {
  func topology() throws -> SmallTopology { SmallTopology(corpus: try SmallCorpus.shared.get().directory) }

  @Test(arguments: ["drop", "repeat", "swap"]) func aTamperedBatchFailsTheRun(fault: String) throws {
    let run = try RunHandle(topology(), faults: "clip=\(fault)@5")
    let output = try run.live.wait(seconds: 60)
    #expect(output.status != 0)
    #expect(output.stderr.contains("other clips than planned"), "\(output.stderr)")
    #expect(run.step() == 5, "the steps before it are committed")
  }

  @Test func aForcedDuplicateIsDroppedAndCounted() throws {
    let undisturbed = try ReproducibilityTests.baseline.get()
    var slow = try topology()
    slow.count(["decode": 2])
    slow.extra = "lease_floor: 0.5"
    let report = try RunHandle(slow, faults: "slow=6:4.0").report()
    #expect(try #require(report["leases_expired"] as? Int) >= 1)
    #expect(try #require(report["duplicates_dropped"] as? Int) >= 1)
    #expect(try hash(report) == hash(undisturbed))
  }

  @Test func aVideoThatCrashesTheDecoderIsQuarantined() throws {
    let corpus = try SmallCorpus.shared.get().directory
    let manifest = try String(contentsOfFile: "\(corpus)/manifest.jsonl", encoding: .utf8)
    let training = try #require(
      manifest.split(separator: "\n").first {
        $0.contains("\"train\"") && $0.contains("raisingaball")
      })
    let object = try #require(try JSONSerialization.jsonObject(with: Data(training.utf8)) as? [String: Any])
    let video = try #require(object["file"] as? String)
    var longer = try topology()
    longer.steps = 24
    let one = try RunHandle(longer, faults: "crash=\(video)").report()
    let quarantined = try #require(one["quarantined"] as? [[String: Any]])
    #expect(quarantined.count == 1)
    #expect((quarantined.first?["video"] as? String)?.hasSuffix(video) == true)
    #expect((quarantined.first?["reason"] as? String)?.contains("crashed twice") == true)
    #expect(try #require(one["substitutes"] as? Int) >= 1)
    longer.count(["decode": 3])
    let three = try RunHandle(longer, faults: "crash=\(video)").report()
    #expect(try hash(one) == hash(three))
  }

  @Test func eightMockDecodersAreEightTimesAsFast() throws {
    func clipsPerSecond(_ decoders: Int, steps: Int) throws -> Double {
      var mock = try topology()
      mock.count(["decode": decoders])
      mock.steps = steps
      mock.batch = 16
      mock.extra = "in_flight: 3"
      let run = try RunHandle(mock, faults: "decode=mock:0.05,train=nothing")
      let report = try run.report()
      #expect(work(report, "decode").count == decoders)
      // From the first to the last step: processes start one after the other.
      let lines = try String(contentsOfFile: "\(run.output)/metrics.jsonl", encoding: .utf8).split(separator: "\n")
      let seconds = try lines.compactMap { line -> Double? in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?["learning_rate"] == nil ? nil : object?["seconds"] as? Double
      }
      let warm = seconds.count / 4
      return Double((seconds.count - 1 - warm) * 48) / (seconds[seconds.count - 1] - seconds[warm])
    }
    let one = try clipsPerSecond(1, steps: 6)
    let eight = try clipsPerSecond(8, steps: 40)
    #expect(eight / one >= 7.6, "one \(one), eight \(eight) clips/s")
  }
}
