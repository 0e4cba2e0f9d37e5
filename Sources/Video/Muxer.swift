import CLibAV

/// The output container of a `VideoWriter`: one video stream, optionally one of silent audio.
final class Muxer {
  private static let audioRate = 8000

  private let path: String
  private let context: UnsafeMutablePointer<AVFormatContext>
  private var video: UnsafeMutablePointer<AVStream>?
  private var audio: UnsafeMutablePointer<AVStream>?
  private var audioSamples: Int64 = 0
  private let audioPacket = PacketHandle()

  var wantsGlobalHeader: Bool { context.pointee.oformat.pointee.flags & AVFMT_GLOBALHEADER != 0 }

  init(path: String, isBitExact: Bool) throws(VideoError) {
    self.path = path
    var opened: UnsafeMutablePointer<AVFormatContext>?
    let status = avformat_alloc_output_context2(&opened, nil, nil, path)
    guard status >= 0, let opened else {
      throw VideoError(.encode, "\(path): no container format goes with this file name")
    }
    context = opened
    if isBitExact { context.pointee.flags |= AVFMT_FLAG_BITEXACT }
  }

  deinit {
    avio_closep(&context.pointee.pb)
    avformat_free_context(context)
  }

  /// Adds the streams, opens the file and writes the header.
  func start(encoder: UnsafeMutablePointer<AVCodecContext>, options: VideoWriterOptions) throws(VideoError) {
    guard let video = avformat_new_stream(context, nil) else {
      throw VideoError(.encode, "\(path): cannot add a video stream")
    }
    video.pointee.time_base = encoder.pointee.time_base
    video.pointee.avg_frame_rate = encoder.pointee.framerate
    try LibAV.check(
      avcodec_parameters_from_context(video.pointee.codecpar, encoder), .encode, "describe the video stream", path)
    if options.rotationDegrees != 0 {
      try LibAV.check(
        clibav_set_rotation(video, Double(options.rotationDegrees)), .encode, "set the rotation", path)
    }
    self.video = video
    if options.hasSilentAudio { try addAudioStream() }
    try LibAV.check(avio_open(&context.pointee.pb, "file:" + path, AVIO_FLAG_WRITE), .encode, "create the file", path)
    var settings = OptionsHandle(options.muxerOptions)
    try LibAV.check(avformat_write_header(context, &settings.pointer), .encode, "write the header", path)
    if let name = settings.firstLeft { throw VideoError(.encode, "\(path): the container has no option \(name)") }
  }

  /// Takes the packet's contents.
  func write(_ packet: UnsafeMutablePointer<AVPacket>, timeBase: AVRational) throws(VideoError) {
    guard let video else { return }
    packet.pointee.stream_index = video.pointee.index
    // The length of a frame that ends is unknown under a variable frame rate; one tick is right for a constant one.
    if packet.pointee.duration == 0 { packet.pointee.duration = 1 }
    av_packet_rescale_ts(packet, timeBase, video.pointee.time_base)
    try LibAV.check(av_interleaved_write_frame(context, packet), .encode, "write a frame", path)
  }

  /// Appends zeros to the audio stream so that it covers the frame at `seconds`.
  func appendSilence(atSeconds start: Double, seconds: Double) throws(VideoError) {
    guard let audio else { return }
    let end = Int64((start + seconds) * Double(Muxer.audioRate))
    let count = Int(end - audioSamples)
    guard count > 0 else { return }
    try LibAV.check(av_new_packet(audioPacket.pointer, Int32(count * 2)), .encode, "allocate audio", path)
    memset(audioPacket.pointer.pointee.data, 0, count * 2)
    audioPacket.pointer.pointee.stream_index = audio.pointee.index
    audioPacket.pointer.pointee.flags |= Int32(clibav_key_flag())
    audioPacket.pointer.pointee.pts = audioSamples
    audioPacket.pointer.pointee.dts = audioSamples
    audioPacket.pointer.pointee.duration = Int64(count)
    av_packet_rescale_ts(
      audioPacket.pointer, AVRational(num: 1, den: Int32(Muxer.audioRate)), audio.pointee.time_base)
    audioSamples = end
    try LibAV.check(av_interleaved_write_frame(context, audioPacket.pointer), .encode, "write audio", path)
  }

  func finish() throws(VideoError) {
    try LibAV.check(av_write_trailer(context), .encode, "write the end of the file", path)
    try LibAV.check(avio_closep(&context.pointee.pb), .encode, "close the file", path)
  }

  private func addAudioStream() throws(VideoError) {
    guard let audio = avformat_new_stream(context, nil), let parameters = audio.pointee.codecpar else {
      throw VideoError(.encode, "\(path): cannot add an audio stream")
    }
    parameters.pointee.codec_type = AVMEDIA_TYPE_AUDIO
    parameters.pointee.codec_id = AV_CODEC_ID_PCM_S16LE
    parameters.pointee.format = AV_SAMPLE_FMT_S16.rawValue
    parameters.pointee.sample_rate = Int32(Muxer.audioRate)
    av_channel_layout_default(&parameters.pointee.ch_layout, 1)
    parameters.pointee.bits_per_coded_sample = 16
    parameters.pointee.block_align = 2
    parameters.pointee.bit_rate = Int64(16 * Muxer.audioRate)
    audio.pointee.time_base = AVRational(num: 1, den: Int32(Muxer.audioRate))
    self.audio = audio
  }
}
