package import Corpus
package import Topology
import Video
import Wire

/// What the plan says of a clip, with the index' word on its video. Any thread may ask.
package struct ItemSource: Sendable {
  package let plan: Plan
  /// With each video under the labels that it is drawn for.
  package let corpus: Corpus

  /// - Throws: `PipelineError` for a topology that is not one for this corpus, `CorpusError` when the index cannot be read.
  package init(topology: Topology, corpus: Corpus) throws {
    switch topology.sampling.labelDrawn {
    case .perVideo: self.corpus = corpus
    case .perDraw: self.corpus = try corpus.underEveryLabel()
    }
    plan = try Plan(topology: topology, counts: self.corpus.counts(split: .train), labels: corpus.labels)
  }

  /// - Throws: `CorpusError` when the index cannot be read.
  package func training(_ keys: [ItemKey]) throws(CorpusError) -> [WorkItem] {
    let found = try corpus.indexedVideos(split: .train, keys.map(plan.draw))
    return zip(keys, found).map { key, found in
      var item = plan.trainingItem(key, video: found.video)
      item.table = found.indexed.table?.slice(for: item.frameIndices)
      return item
    }
  }

  /// All clips of an evaluated video, each with the packets that they all need, if a lease can hold them.
  func evaluation(_ group: GroupKey, of video: VideoRecord, clips: Int) throws(CorpusError) -> [WorkItem] {
    var items = (0..<clips).map { slot in
      plan.evaluationItem(ItemKey(group: group, slot: slot), video: video, clips: clips)
    }
    guard let table = try corpus.indexed(video).table else { return items }
    let shared = table.slice(for: items.flatMap(\.frameIndices))
    for slot in items.indices { items[slot].table = shared ?? table.slice(for: items[slot].frameIndices) }
    return items
  }

  /// The first draws of a replica's batch, encoded.
  package func encoded(_ group: GroupKey, batch: Int) throws(CorpusError) -> EncodedItems {
    let keys = (0..<batch).map { ItemKey(group: group, slot: $0) }
    return EncodedItems(try training(keys))
  }
}

/// Items as they travel, one behind the other.
package struct EncodedItems: Sendable {
  private var writer = ByteWriter(capacity: 4096)
  private var ends: [Int] = []

  init(_ items: [WorkItem]) {
    for item in items {
      item.encode(to: &writer)
      ends.append(writer.bytes.count)
    }
  }

  package subscript(slot: Int) -> ArraySlice<UInt8> { writer.bytes[(slot == 0 ? 0 : ends[slot - 1])..<ends[slot]] }
}
