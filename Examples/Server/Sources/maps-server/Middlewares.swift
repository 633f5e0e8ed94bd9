// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The swift-urcu authors

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import SystemPackage

/// A request that can't be answered.
struct RequestError: Error {
  let status: HTTPResponse.Status
  let message: String

  init(_ status: HTTPResponse.Status, _ message: String) {
    self.status = status
    self.message = message
  }

  /// What an error of the library means to a client.
  init(_ error: Errno, pid: Int32) {
    switch error {
    case .noSuchProcess, .noSuchFileOrDirectory:
      self.init(.notFound, "there is no process \(pid) here")
    case .permissionDenied, .notPermitted:
      self.init(.forbidden, "process \(pid) may not be read")
    default:
      self.init(.internalServerError, "process \(pid): \(error)")
    }
  }
}

/// Answers errors as JSON, and sets the headers that all answers have.
struct AnswerMiddleware<Context: RequestContext>: RouterMiddleware {
  private static var policy: String {
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
      + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
  }

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    var response: Response
    do {
      response = try await next(request, context)
    } catch let error as RequestError {
      response = try Response.json(ErrorAnswer(error: error.message), status: error.status)
      if error.status == .unauthorized {
        response.headers[.wwwAuthenticate] = "Bearer realm=\"maps-server\""
      }
    } catch let error as HTTPError {
      let message = error.body ?? error.status.reasonPhrase
      response = try Response.json(ErrorAnswer(error: message), status: error.status)
    }
    response.headers[.contentSecurityPolicy] = Self.policy
    response.headers[.xContentTypeOptions] = "nosniff"
    response.headers[HTTPField.Name("Referrer-Policy")!] = "no-referrer"
    return response
  }
}

/// Lets only those pass who have the token, except to the page itself, which asks for it, and to
/// `/healthz`.
struct TokenMiddleware<Context: RequestContext>: RouterMiddleware {
  let token: String

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let open = ["/", "/page.js", "/style.css", "/healthz"]
    if !open.contains(request.uri.path) {
      let given = request.headers[.authorization] ?? ""
      guard Self.areEqual(given, "Bearer \(token)") else {
        throw RequestError(.unauthorized, "a token is required: Authorization: Bearer TOKEN")
      }
    }
    return try await next(request, context)
  }

  /// Takes as long for any text of the same length.
  private static func areEqual(_ left: String, _ right: String) -> Bool {
    let (left, right) = (Array(left.utf8), Array(right.utf8))
    guard left.count == right.count else { return false }
    return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }
}

/// Refuses requests that a page of another site could have made its visitor's browser send: a
/// server on the loopback interface is reached by every page that the browser shows.
struct HostMiddleware<Context: RequestContext>: RouterMiddleware {
  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let host = request.head.authority ?? ""
    let name = host.hasPrefix("[") ? host.prefix { $0 != "]" } + "]" : host.prefix { $0 != ":" }
    guard ["localhost", "127.0.0.1", "[::1]"].contains(name) else {
      throw RequestError(.forbidden, "this server is for its own machine: ask for localhost")
    }
    return try await next(request, context)
  }
}

extension Response {
  static func json(
    _ answer: some Encodable, status: HTTPResponse.Status = .ok
  ) throws -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
    return Response(
      status: status, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: try encoder.encode(answer))))
  }
}
