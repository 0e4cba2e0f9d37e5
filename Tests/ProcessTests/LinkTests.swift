import Foundation
import Testing

/// `links.compression: auto`
@Suite(.serialized) struct LinkTests {
  @Test func linksThatChooseGiveTheSameParameters() throws {
    var one = SmallTopology(corpus: try SmallCorpus.shared.get().directory)
    one.steps = 24
    let expected = try hash(one.undisturbed())
    var two = one
    let port = Int.random(in: 20000..<30000)
    two.hosts = """
      a: {address: 127.0.0.1, coordinator: true, port: \(port), decode: 1, batch: 1, train: 1, average: 1, evaluate: 1}
      b: {address: 127.0.0.2, augment: 1}
      """
    two.links = "{compression: auto}"
    let run = try RunHandle(two, faults: "pace=0.005")
    let links = try eventually("what links carry; \(run.live.errors)") { () -> [String: [String: Any]]? in
      let workers = try run.status()?["workers"] as? [[String: Any]] ?? []
      var found: [String: [String: Any]] = [:]
      for worker in workers {
        let counters = worker["counters"] as? [String: Any]
        let links = counters?["links"] as? [[String: Any]]
        guard let link = links?.first, let measured = link["measured"] as? [String: Any] else { continue }
        if measured["bytesPerSecond"] != nil { found[worker["stage"] as! String] = link }
      }
      return found.count == 2 ? found : nil
    }
    #expect(links["decode"]?["host"] as? String == "b" && links["augment"]?["host"] as? String == "a")
    for (stage, link) in links {
      let (tensors, sent) = (link["tensorBytes"] as? Int ?? 0, link["sentBytes"] as? Int ?? 0)
      #expect(tensors > 0 && sent > 0 && sent <= tensors, "\(stage): \(link)")
    }
    let top = try Sluice.run(["top", "--run", run.output, "--count", "1"])
    #expect(top.stdout.contains("link a/decode/0") && top.stdout.contains("carries"), "\(top.stdout) \(top.stderr)")
    #expect(try hash(run.report()) == expected)
  }
}
