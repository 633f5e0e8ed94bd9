// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import NIOCore
import NIOHTTPTypes

/// Closes connections whose clients waste them: those that don't send a whole request in time,
/// however slowly they trickle, those that send what isn't HTTP, and those that don't take an
/// answer.
///
/// A connection is used by one event loop, and so is this.
final class ConnectionDeadlines: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart

  private let requestTime: TimeAmount
  private let answerTime: TimeAmount
  private var request: Scheduled<Void>?
  private var answer: Scheduled<Void>?
  private var pendingWrites = 0
  private var hasFailed = false

  /// - Parameters:
  ///   - requestTime: how long the next request may take to arrive.
  ///   - answerTime: how long a part of an answer may take to be taken.
  init(requestTime: TimeAmount = .seconds(30), answerTime: TimeAmount = .seconds(60)) {
    self.requestTime = requestTime
    self.answerTime = answerTime
  }

  func handlerAdded(context: ChannelHandlerContext) { expectRequest(context) }

  func handlerRemoved(context: ChannelHandlerContext) {
    request?.cancel()
    answer?.cancel()
  }

  private func expectRequest(_ context: ChannelHandlerContext) {
    if hasFailed { return }
    request?.cancel()
    request = close(context, after: requestTime)
  }

  private func close(
    _ context: ChannelHandlerContext, after time: TimeAmount
  ) -> Scheduled<Void> {
    let channel = context.channel
    return context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .end = unwrapInboundIn(data) {
      request?.cancel()
      request = nil
    }
    context.fireChannelRead(data)
  }

  /// The client has been told what is wrong, and could go on sending for ever. What it sends isn't
  /// read any more, and the connection stays open only for long enough to be told.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    hasFailed = true
    request?.cancel()
    request = close(context, after: .milliseconds(100))
    context.fireErrorCaught(error)
  }

  /// Reading stays off after an error, whoever asks for it.
  func read(context: ChannelHandlerContext) {
    if !hasFailed { context.read() }
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let promise = promise ?? context.eventLoop.makePromise()
    if case .end = unwrapOutboundIn(data) { expectRequest(context) }
    pendingWrites += 1
    if answer == nil { answer = close(context, after: answerTime) }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    promise.futureResult.whenComplete { _ in
      let (handler, context) = bound.value
      handler.didWrite(context)
    }
    context.write(data, promise: promise)
  }

  /// A part was taken: the others have as long again.
  private func didWrite(_ context: ChannelHandlerContext) {
    pendingWrites -= 1
    answer?.cancel()
    answer = pendingWrites > 0 && context.channel.isActive ? close(context, after: answerTime) : nil
  }
}
