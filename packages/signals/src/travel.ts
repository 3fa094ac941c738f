// Distances on the globe, for log-ins that one person cannot have made.
import type { Place } from "./shape.ts";

/** Mean radius of the Earth (IUGG). */
const RADIUS_KM = 6_371.0088;

/** The great circle between two places, by the haversine formula (R. W. Sinnott, Sky & Telescope 68, 1984). */
export function distanceKm(from: Place, to: Place): number {
  const [lat1, lat2] = [radians(from.latitude), radians(to.latitude)];
  const half = (degrees: number): number => Math.sin(radians(degrees) / 2) ** 2;
  const a = half(to.latitude - from.latitude) + Math.cos(lat1) * Math.cos(lat2) * half(to.longitude - from.longitude);
  return 2 * RADIUS_KM * Math.asin(Math.min(1, Math.sqrt(a)));
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
