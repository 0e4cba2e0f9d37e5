import Pipeline
import Testing
import Topology

@Suite struct FingerprintTests {
  private func fingerprint(_ changes: String...) throws -> String {
    let text = """
      name: small
      corpus: data
      hosts:
        here: {address: 127.0.0.1, coordinator: true, decode: 1, augment: 1, batch: 1, train: 1, average: 1}
      clip: {frames: 4, resize: [40, 54], crop: 32}
      train: {network: r2plus1d-10, batch: 4, steps: 10, learning_rate: 0.1}
      """
    return try Topology.parse(text, file: "small.yaml", overrides: changes).fingerprint
  }

  @Test func itIsOfWhatInfluencesResults() throws {
    let one = try fingerprint()
    #expect(one.count == 64 && one.allSatisfy(\.isHexDigit))
    #expect(try fingerprint("hosts.here.decode=7", "links.compression=none", "name=other", "in_flight=3") == one)
    for change in ["seed=1", "clip.crop=24", "train.batch=5", "train.loss=sigmoid", "links.format=yuv420p"] {
      #expect(try fingerprint(change) != one, "\(change)")
    }
  }
}
