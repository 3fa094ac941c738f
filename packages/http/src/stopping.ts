// Closes the server so that nobody can hold it up: what is in flight is answered, what is not is not begun.
import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";
import { Problem, SERVER_PROBLEMS } from "./problem.ts";

/**
 * On closing, connections without a request in flight end at once (a client may hold one open, silent, for as long as
 * it likes), those with one end after its answer, and whatever is left after `withinMs` is cut off.
 */
export function stopInOrder(server: FastifyInstance, withinMs: number): void {
  const requestsOf = new Map<Socket, number>();
  let stopping = false;

  server.server.on("connection", (socket: Socket) => {
    requestsOf.set(socket, 0);
    socket.once("close", () => requestsOf.delete(socket));
    if (stopping) socket.destroy();
  });

  server.server.on("request", ({ socket }, response) => {
    count(socket, 1);
    response.once("close", () => count(socket, -1));
  });

  server.addHook("preClose", async () => {
    stopping = true;
    for (const [socket, requests] of requestsOf) if (requests === 0) socket.destroy();
    setTimeout(() => server.server.closeAllConnections(), withinMs).unref();
  });

  server.addHook("onRequest", async () => {
    if (stopping) throw new Problem(SERVER_PROBLEMS.STOPPING);
  });

  server.addHook("onSend", async (_, reply) => {
    if (stopping) reply.header("connection", "close");
  });

  function count(socket: Socket, change: number): void {
    const requests = requestsOf.get(socket);
    if (requests === undefined) return;
    requestsOf.set(socket, requests + change);
    if (stopping && requests + change === 0) socket.end();
  }
}
