/// A size in time and space: frames, height, width.
package struct Extent: Sendable, Equatable {
  package var frames: Int
  package var height: Int
  package var width: Int

  package init(_ frames: Int, _ height: Int, _ width: Int) {
    self.frames = frames
    self.height = height
    self.width = width
  }

  /// Frames times height times width.
  package var volume: Int { frames * height * width }
}

/// The geometry of a 3-D convolution: no dilation, no groups, zero padding.
///
/// The input is (N, T, H, W, C) channels-last, the output likewise; weights are (O, I, kT, kH, kW) as in torchvision.
package struct ConvolutionShape: Sendable, Equatable {
  package var batch: Int
  package let input: Extent
  package let inChannels: Int
  package let outChannels: Int
  package let kernel: Extent
  package let stride: Extent
  package let padding: Extent
  package let output: Extent

  /// - Parameters: all at least 1, paddings below their kernel's size, so that no output extent is below 1 for padding
  ///   of half the kernel.
  package init(
    batch: Int, input: Extent, inChannels: Int, outChannels: Int, kernel: Extent, stride: Extent, padding: Extent
  ) {
    self.batch = batch
    self.input = input
    self.inChannels = inChannels
    self.outChannels = outChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    output = Extent(
      (input.frames + 2 * padding.frames - kernel.frames) / stride.frames + 1,
      (input.height + 2 * padding.height - kernel.height) / stride.height + 1,
      (input.width + 2 * padding.width - kernel.width) / stride.width + 1)
  }

  /// Elements of x.
  package var inputCount: Int { batch * input.volume * inChannels }
  /// Elements of y.
  package var outputCount: Int { batch * outputRows * outChannels }
  /// Output positions of one clip.
  package var outputRows: Int { output.volume }
  /// Elements of the weights.
  package var weightCount: Int { kernel.volume * inChannels * outChannels }
  /// Multiply-adds of one forward pass, counting those with padding.
  package var multiplyAdds: Int { batch * outputRows * weightCount }
}
