extension Topology {
  /// What is trained, and how.
  package struct Train: Sendable, Equatable {
    package var network: String
    package var width: Double
    /// Logical replicas (R), each with its own batch and batch statistics.
    package var replicas: Int
    /// Clips per replica and local step.
    package var batch: Int
    /// Rounds of the run; nil when `epochs` is given.
    package var steps: Int?
    /// Length in epochs of the corpus; nil when `steps` is given. See `steps(epochLength:)`.
    package var epochs: Double?
    /// Threads of one train worker.
    package var threads: Int
    /// For all R replicas together.
    package var learningRate: Double
    package var momentum: Double
    package var nesterov: Bool
    package var weightDecay: Double
    package var warmUp: WarmUp
    package var schedule: Schedule
    /// SGD steps a replica takes by itself in a round (H).
    package var localSteps: Int
    package var loss: Loss
    /// Share of the softmax target spread over all classes.
    package var labelSmoothing: Double
    /// Largest Euclidean norm of the mean gradient; nil does not clip.
    package var clipNorm: Double?
    /// Run directory or file to start from.
    package var weights: String?
    package var head: Head
    /// Whether the kernels of `weights` are those of a network on single frames, to be repeated in time.
    package var inflate: Bool
    /// Kernel path forced on every worker; nil lets each choose.
    package var kernels: String?
    package var precision: Precision
    /// Whether Winograd's transforms may be used.
    package var winograd: Bool
    /// What contributions and parameters are rounded to on their way.
    package var transfer: Transfer

    package enum Head: String, Sendable, CaseIterable { case keep, new }
    package enum Loss: String, Sendable, CaseIterable { case softmax, sigmoid }
    package enum Precision: String, Sendable, CaseIterable { case float32, mixed, float64 }
    package enum Transfer: String, Sendable, CaseIterable { case float32, bfloat16 }

    /// Length of the linear warm-up, from learning rate / R.
    package enum WarmUp: Sendable, Equatable {
      case steps(Int)
      case clips(Int)
    }

    /// How the learning rate falls after the warm-up.
    package enum Schedule: Sendable, Equatable {
      case constant
      /// Halved this many times, at equal distances.
      case halvings(Int)
      /// Multiplied by `factor` at each of these steps.
      case steps(at: [Int], factor: Double)
      case halfCosine
    }

    /// Clips one replica uses in one round.
    package var clipsPerReplica: Int { batch * localSteps }

    /// Clips all replicas use in one round.
    package var clipsPerStep: Int { replicas * clipsPerReplica }

    /// Length of the warm-up in steps, rounded up.
    package var warmUpSteps: Int {
      switch warmUp {
      case .steps(let count): count
      case .clips(let count): (count + clipsPerStep - 1) / clipsPerStep
      }
    }

    /// Length of the run in steps.
    ///
    /// - Parameter epochLength: clips in one epoch of the corpus, above 0.
    /// - Returns: `steps`, or the smallest number of steps that covers `epochs`; at least 1.
    package func steps(epochLength: Int) -> Int {
      if let steps { return steps }
      let clips = ((epochs ?? 1) * Double(epochLength)).rounded(.up)
      return max(1, Int((clips / Double(clipsPerStep)).rounded(.up)))
    }
  }
}
