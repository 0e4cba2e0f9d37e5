package import Wire

/// Leases for a decode worker, with the workers the clips go to.
package struct LeaseMessage: Sendable {
  package struct Entry: Sendable {
    package var item: WorkItem
    package var augment: WorkerID
    package var batch: WorkerID
    package var owner: Int

    package init(item: WorkItem, augment: WorkerID, batch: WorkerID, owner: Int) {
      self.item = item
      self.augment = augment
      self.batch = batch
      self.owner = owner
    }
  }
  package var entries: [Entry]

  package init(entries: [Entry]) { self.entries = entries }
}

extension LeaseMessage.Entry: WireCodable {
  package func encode(to writer: inout ByteWriter) {
    item.encode(to: &writer)
    writer.write(augment)
    writer.write(batch)
    writer.write(owner)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      item: try WorkItem(from: &reader), augment: try String(from: &reader), batch: try String(from: &reader),
      owner: try Int(from: &reader))
  }
}

/// Head of a window (decode to augment): the lease goes on with it.
package struct WindowHeader: Sendable, WireCodable {
  package var entry: LeaseMessage.Entry
  package var tensor: TensorDescriptor

  package init(entry: LeaseMessage.Entry, tensor: TensorDescriptor) {
    self.entry = entry
    self.tensor = tensor
  }

  package func encode(to writer: inout ByteWriter) {
    entry.encode(to: &writer)
    tensor.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      entry: try LeaseMessage.Entry(from: &reader), tensor: try TensorDescriptor(from: &reader))
  }
}

/// Head of a clip (augment to batch).
package struct ClipHeader: Sendable, WireCodable {
  package var key: ItemKey
  package var owner: Int
  /// As in ``WorkItem``.
  package var labels: [Int]
  package var tensor: TensorDescriptor

  package func encode(to writer: inout ByteWriter) {
    key.encode(to: &writer)
    writer.write(owner)
    labels.encode(to: &writer)
    tensor.encode(to: &writer)
  }
}

extension ClipHeader {
  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      key: try ItemKey(from: &reader), owner: try Int(from: &reader), labels: try [Int](from: &reader),
      tensor: try TensorDescriptor(from: &reader))
    try WorkItem.check(labels: labels, of: key)
  }
}

/// Head of a batch (batch to train or evaluate): the heads of its clips in slot order. The clips' own payloads follow as
/// they came, a part each, so the consumer checks each clip for itself.
package struct BatchHeader: Sendable, WireCodable {
  package var group: GroupKey
  package var slots: [ClipHeader]

  package init(group: GroupKey, slots: [ClipHeader]) {
    self.group = group
    self.slots = slots
  }

  package func encode(to writer: inout ByteWriter) {
    group.encode(to: &writer)
    slots.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(group: try GroupKey(from: &reader), slots: try [ClipHeader](from: &reader))
  }
}

/// Head of a gradient block (train to average). The block follows as a part, or lies in the sender's memory.
package struct BlockHeader: Sendable, WireCodable {
  package var version: Int
  package var block: Int
  package var node: TreeNode
  package var tensor: TensorDescriptor
  /// Where a process of the same host reads it.
  package var address: UInt64?

  package init(version: Int, block: Int, node: TreeNode, tensor: TensorDescriptor, address: UInt64? = nil) {
    self.version = version
    self.block = block
    self.node = node
    self.tensor = tensor
    self.address = address
  }

  package func encode(to writer: inout ByteWriter) {
    writer.write(version)
    writer.write(block)
    writer.write(node.level)
    writer.write(node.index)
    tensor.encode(to: &writer)
    address.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      version: try Int(from: &reader), block: try Int(from: &reader),
      node: TreeNode(level: try Int(from: &reader), index: try Int(from: &reader)),
      tensor: try TensorDescriptor(from: &reader), address: try UInt64?(from: &reader))
  }
}

/// A shard has taken (or already had) a block, or cannot read the sender's memory.
package struct BlockTaken: Sendable, WireCodable {
  package var version: Int
  package var block: Int
  package var node: TreeNode
  /// It is to be sent as a part.
  package var isUnreadable: Bool

  package init(version: Int, block: Int, node: TreeNode, isUnreadable: Bool = false) {
    self.version = version
    self.block = block
    self.node = node
    self.isUnreadable = isUnreadable
  }

  package func encode(to writer: inout ByteWriter) {
    writer.write(version)
    writer.write(block)
    writer.write(node.level)
    writer.write(node.index)
    isUnreadable.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      version: try Int(from: &reader), block: try Int(from: &reader),
      node: TreeNode(level: try Int(from: &reader), index: try Int(from: &reader)),
      isUnreadable: try Bool(from: &reader))
  }
}

/// A train worker lacks these blocks of a version (train to average): each is sent as soon as the shard has it.
package struct FetchParameters: Sendable, WireCodable {
  package var version: Int
  package var blocks: [Int]
  /// The worker reads the shard's memory: addresses are enough.
  package var readsMemory: Bool

  package init(version: Int, blocks: [Int], readsMemory: Bool = false) {
    self.version = version
    self.blocks = blocks
    self.readsMemory = readsMemory
  }

  package func encode(to writer: inout ByteWriter) {
    writer.write(version)
    blocks.encode(to: &writer)
    readsMemory.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      version: try Int(from: &reader), blocks: try [Int](from: &reader), readsMemory: try Bool(from: &reader))
  }
}

/// Head of some of a shard's parameters (average to train): one part a block follows, or each lies in the shard's memory.
package struct ParametersHeader: Sendable, WireCodable {
  package var version: Int
  package var shard: Int
  package var blocks: [Int]
  package var tensors: [TensorDescriptor]
  /// Where a process of the same host reads each block; empty where parts follow.
  package var addresses: [UInt64]

  package init(version: Int, shard: Int, blocks: [Int], tensors: [TensorDescriptor], addresses: [UInt64] = []) {
    self.version = version
    self.shard = shard
    self.blocks = blocks
    self.tensors = tensors
    self.addresses = addresses
  }

  package func encode(to writer: inout ByteWriter) {
    writer.write(version)
    writer.write(shard)
    blocks.encode(to: &writer)
    tensors.encode(to: &writer)
    addresses.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(
      version: try Int(from: &reader), shard: try Int(from: &reader), blocks: try [Int](from: &reader),
      tensors: try [TensorDescriptor](from: &reader), addresses: try [UInt64](from: &reader))
  }
}

/// The batch worker holds these clips.
package struct Accepted: Sendable, WireCodable {
  package var keys: [ItemKey]
  package var owners: [Int]

  package init(keys: [ItemKey], owners: [Int]) {
    self.keys = keys
    self.owners = owners
  }

  package mutating func append(_ key: ItemKey, owner: Int) {
    keys.append(key)
    owners.append(owner)
  }

  package func encode(to writer: inout ByteWriter) {
    keys.encode(to: &writer)
    owners.encode(to: &writer)
  }

  package init(from reader: inout ByteReader) throws(WireError) {
    self.init(keys: try [ItemKey](from: &reader), owners: try [Int](from: &reader))
    guard keys.count == owners.count else {
      throw WireError(.value, "accepted: \(keys.count) keys, \(owners.count) owners")
    }
  }
}

extension WireCodable {
  /// The value as an envelope's body.
  package var encodedBody: [UInt8] {
    var writer = ByteWriter()
    encode(to: &writer)
    return writer.bytes
  }

  /// - Throws: when the body is short, long or holds impossible values.
  package init(body: [UInt8]) throws(WireError) {
    var reader = ByteReader(body)
    try self.init(from: &reader)
    try reader.finish()
  }
}
