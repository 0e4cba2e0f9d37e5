internal import Tensors

/// Places buffers that live at different times in one arena, before anything runs.
///
/// Times count the steps of a computation; a buffer lives from the step that reserves it to the last that uses it, both
/// included. The largest is placed first, each at the lowest place free for as long as it lives.
package struct MemoryPlan: Sendable {
  /// A buffer of the plan.
  package struct Slot: Hashable, Sendable {
    fileprivate let index: Int
  }

  private struct Tenant: Sendable {
    let elements: Int
    let birth: Int
    var death: Int
    var offset = 0
  }

  /// The step at hand.
  package private(set) var time = 0
  private var tenants: [Tenant] = []
  /// Elements of the whole arena, once placed.
  package private(set) var count = 0

  /// Elements; places are its multiples.
  package static let alignment = 1024

  package init() {}

  /// Goes on to the next step.
  package mutating func advance() { time += 1 }

  /// A buffer that this step writes first.
  package mutating func reserve(_ elements: Int) -> Slot {
    tenants.append(Tenant(elements: elements, birth: time, death: time))
    return Slot(index: tenants.count - 1)
  }

  /// Says that this step reads or writes a buffer.
  package mutating func use(_ slot: Slot?) {
    if let slot { tenants[slot.index].death = time }
  }

  /// Where a buffer lies, in elements.
  package func offset(of slot: Slot) -> Int { tenants[slot.index].offset }

  /// Gives every buffer its place.
  package mutating func place() {
    func rounded(_ elements: Int) -> Int { (elements + Self.alignment - 1) / Self.alignment * Self.alignment }
    var placed: [Int] = []
    for index in tenants.indices.sorted(by: { (tenants[$0].elements, $1) > (tenants[$1].elements, $0) }) {
      let tenant = tenants[index]
      var offset = 0
      for other in placed.map({ tenants[$0] }).sorted(by: { $0.offset < $1.offset }) {
        guard other.birth <= tenant.death, tenant.birth <= other.death else { continue }
        if other.offset >= offset + rounded(tenant.elements) { break }
        offset = max(offset, other.offset + rounded(other.elements))
      }
      tenants[index].offset = offset
      count = max(count, offset + rounded(tenant.elements))
      placed.append(index)
    }
  }
}

/// The buffers of one block in a training step.
struct BlockSlots {
  var products: [MemoryPlan.Slot] = []
  var shortcutProducts: MemoryPlan.Slot?
  var output: MemoryPlan.Slot!
  /// d output.
  var outputGradient: MemoryPlan.Slot!
  /// d products of the last unit.
  var productsGradient: MemoryPlan.Slot!
  /// d input of every unit but the first.
  var inputGradients: [MemoryPlan.Slot?] = []
  /// d input by way of the shortcut.
  var shortcutGradient: MemoryPlan.Slot?
}

/// The plan of a training step: the order of `Network.forward` and `Network.backward`, buffer by buffer.
struct TrainingPlan {
  private(set) var memory = MemoryPlan()
  private(set) var blocks: [BlockSlots]
  let input: MemoryPlan.Slot
  private let batch: Int

  init(_ architecture: Architecture, batch: Int) {
    self.batch = batch
    blocks = architecture.blocks.map { _ in BlockSlots() }
    input = memory.reserve(3 * batch * architecture.input.volume)
    for index in architecture.blocks.indices { planForward(architecture.blocks[index], index) }
    memory.advance()
    let last = architecture.blocks.count - 1
    blocks[last].outputGradient = memory.reserve(outputCount(architecture.blocks[last]))
    planArrival(last)
    for index in architecture.blocks.indices.reversed() { planBackward(architecture, index) }
    memory.place()
  }

  private func outputCount(_ block: Architecture.Block) -> Int { batch * block.units.last!.shape.outputCount }

  private func source(_ index: Int) -> MemoryPlan.Slot { index == 0 ? input : blocks[index - 1].output }

  private mutating func planForward(_ block: Architecture.Block, _ index: Int) {
    for unit in block.units {
      memory.advance()
      memory.use(blocks[index].products.last ?? source(index))
      blocks[index].products.append(memory.reserve(batch * unit.shape.outputCount))
    }
    if let shortcut = block.shortcut {
      memory.advance()
      memory.use(source(index))
      blocks[index].shortcutProducts = memory.reserve(batch * shortcut.shape.outputCount)
    }
    memory.advance()
    memory.use(source(index))
    memory.use(blocks[index].products.last)
    memory.use(blocks[index].shortcutProducts)
    blocks[index].output = memory.reserve(outputCount(block))
  }

  /// What is read when d output of a block arrives.
  private mutating func planArrival(_ index: Int) {
    memory.use(blocks[index].output)
    memory.use(blocks[index].products.last)
    memory.use(blocks[index].shortcutProducts)
  }

  private mutating func planBackward(_ architecture: Architecture, _ index: Int) {
    let block = architecture.blocks[index]
    memory.advance()
    memory.use(blocks[index].outputGradient)
    memory.use(blocks[index].products.last)
    blocks[index].productsGradient = memory.reserve(outputCount(block))
    if block.shortcut != nil {
      memory.advance()
      memory.use(blocks[index].outputGradient)
      memory.use(blocks[index].shortcutProducts)
      memory.use(source(index))
      blocks[index].shortcutGradient = memory.reserve(batch * block.units[0].shape.inputCount)
    }
    blocks[index].inputGradients = block.units.map { _ in nil }
    var gradient: MemoryPlan.Slot = blocks[index].productsGradient
    for unit in block.units.indices.reversed() {
      memory.advance()
      memory.use(gradient)
      guard unit > 0 else { continue }
      memory.use(blocks[index].products[unit - 1])
      gradient = memory.reserve(batch * block.units[unit].shape.inputCount)
      blocks[index].inputGradients[unit] = gradient
    }
    memory.use(source(index))
    guard index > 0 else { return }
    memory.use(blocks[index].shortcutGradient)
    if block.isResidual, block.shortcut == nil { memory.use(blocks[index].outputGradient) }
    blocks[index - 1].outputGradient = memory.reserve(batch * block.units[0].shape.inputCount)
    planArrival(index - 1)
  }
}
