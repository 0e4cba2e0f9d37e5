internal import CKernels

extension ConvolutionShape {
  /// The same geometry as the C kernels take it.
  var geometry: sluice_geometry {
    sluice_geometry(
      batch: Int64(batch),
      in_frames: Int64(input.frames), in_height: Int64(input.height), in_width: Int64(input.width),
      in_channels: Int64(inChannels),
      out_frames: Int64(output.frames), out_height: Int64(output.height), out_width: Int64(output.width),
      out_channels: Int64(outChannels),
      kernel_frames: Int64(kernel.frames), kernel_height: Int64(kernel.height), kernel_width: Int64(kernel.width),
      stride_frames: Int64(stride.frames), stride_height: Int64(stride.height), stride_width: Int64(stride.width),
      pad_frames: Int64(padding.frames), pad_height: Int64(padding.height), pad_width: Int64(padding.width))
  }

  /// The convolution that turns dy into dx when the stride is 1 everywhere: reversed taps, channels exchanged.
  var transposed: ConvolutionShape {
    ConvolutionShape(
      batch: batch, input: output, inChannels: outChannels, outChannels: inChannels, kernel: kernel,
      stride: Extent(1, 1, 1),
      padding: Extent(
        kernel.frames - 1 - padding.frames, kernel.height - 1 - padding.height, kernel.width - 1 - padding.width))
  }

  /// Whether every stride is 1.
  var isUnitStride: Bool { stride == Extent(1, 1, 1) }

  /// Output channels in blocks of this size are packed by one task.
  static let packBlock = 16
}
