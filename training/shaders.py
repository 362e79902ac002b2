"""The GLSL programs of the renderer. World axes: y up, millimetres; the ground is y = 0. Light is linear."""

from __future__ import annotations

_LIGHT = """
uniform sampler2D sun_depth;
uniform sampler2D ground_height;
uniform mat4 sun_from_world;
uniform vec4 footprint;          // x and z of the centre, half width in mm, largest height in mm
uniform vec3 sun_direction;
uniform vec3 sun_rgb;
uniform vec3 ambient_rgb[9];
uniform int reach;

vec3 ambient(vec3 n) {           // irradiance / pi from spherical harmonics, bands 0 to 2
    vec3 sum = ambient_rgb[0] * 0.282095
        + ambient_rgb[1] * 0.488603 * n.y + ambient_rgb[2] * 0.488603 * n.z + ambient_rgb[3] * 0.488603 * n.x
        + ambient_rgb[4] * 1.092548 * n.x * n.y + ambient_rgb[5] * 1.092548 * n.y * n.z
        + ambient_rgb[6] * 0.315392 * (3.0 * n.z * n.z - 1.0)
        + ambient_rgb[7] * 1.092548 * n.x * n.z + ambient_rgb[8] * 0.546274 * (n.x * n.x - n.y * n.y);
    return max(sum, vec3(0.0));
}

float sunlit(vec3 world, float softness, float bias) {   // share of the sun that is not hidden, 5 x 5 weighted taps
    vec3 at = (sun_from_world * vec4(world, 1.0)).xyz * 0.5 + 0.5;
    if (any(lessThan(at, vec3(0.0))) || any(greaterThan(at, vec3(1.0)))) return 1.0;
    float lit = 0.0, total = 0.0;
    for (int i = -reach; i <= reach; i++) for (int j = -reach; j <= reach; j++) {
        float weight = exp(-0.3 * float(i * i + j * j));
        lit += weight * step(at.z - bias, texture(sun_depth, at.xy + vec2(i, j) * softness).r);
        total += weight;
    }
    return lit / total;
}

float contact(vec3 world) {      // 0 under a sole, 1 far from the body: how much sky the ground sees there
    vec2 at = (world.xz - footprint.xy) / footprint.z * 0.5 + 0.5;
    float hidden = 0.0, total = 0.0;
    for (int i = -reach-1; i <= reach+1; i++) for (int j = -reach-1; j <= reach+1; j++) {
        float weight = exp(-0.15 * float(i * i + j * j));
        float height = texture(ground_height, at + vec2(i, j) * (22.0 / footprint.z)).r * footprint.w;
        hidden += weight * exp(-height / 160.0);
        total += weight;
    }
    return 1.0 - 0.75 * hidden / total;
}

vec3 srgb(vec3 linear) {
    vec3 c = clamp(linear, 0.0, 1.0);
    return mix(12.92 * c, 1.055 * pow(c, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, c));
}
"""

DEPTH_VERTEX = """
#version 330
uniform mat4 clip_from_world;
in vec3 position;
void main() { gl_Position = clip_from_world * vec4(position, 1.0); }
"""

DEPTH_FRAGMENT = """
#version 330
void main() {}
"""

BACKDROP_VERTEX = """
#version 330
in vec2 corner;
out vec2 ndc;
void main() { ndc = corner; gl_Position = vec4(corner, 0.99999, 1.0); }
"""

BACKDROP_FRAGMENT = (
    """
#version 330
in vec2 ndc;
out vec4 colour;
uniform sampler2D panorama;
uniform mat3 ray_from_ndc;       // into the world
uniform vec3 eye;
uniform vec3 centre;             // where the panorama was taken, above the ground
uniform float turn;
uniform float radius;           // mm
"""
    + _LIGHT
    + """
vec3 seen(vec3 d) {
    float azimuth = atan(d.x, -d.z) + turn;
    return textureLod(panorama, vec2(azimuth / 6.2831853 + 0.5, acos(clamp(d.y, -1.0, 1.0)) / 3.1415927), 0.0).rgb;
}

void main() {
    vec3 ray = normalize(ray_from_ndc * vec3(ndc, 1.0));
    vec3 from = eye - centre;                      // the picture lies on a sphere around where it was taken ...
    float along = dot(from, ray);
    float wall = -along + sqrt(max(along * along - dot(from, from) + radius * radius, 0.0));
    float floor = ray.y < -1e-4 ? -eye.y / ray.y : 1e9;
    vec3 light = seen(normalize(from + ray * min(wall, floor)));
    if (wall < floor) { colour = vec4(srgb(light), 1.0); return; }
    vec3 ground = eye + ray * floor;               // ... and, inside it, on the ground
    vec3 up = vec3(0.0, 1.0, 0.0);
    vec3 sky = ambient(up), sun = sun_rgb * max(sun_direction.y, 0.0);
    vec3 left = (sky * contact(ground) + sun * sunlit(ground, 0.006, 0.002)) / max(sky + sun, vec3(1e-4));
    colour = vec4(srgb(light * left), 1.0);
}
"""
)

BODY_VERTEX = """
#version 330
uniform mat4 clip_from_world;
in vec3 position;
in vec3 normal;
in vec2 uv;
out vec3 world;
out vec3 turned;
out vec2 at;
void main() { world = position; turned = normal; at = uv; gl_Position = clip_from_world * vec4(position, 1.0); }
"""

BODY_FRAGMENT = (
    """
#version 330
in vec3 world;
in vec3 turned;
in vec2 at;
out vec4 colour;
uniform sampler2D albedo;
uniform vec3 eye;
uniform float exposure;
"""
    + _LIGHT
    + """
void main() {
    vec3 n = normalize(turned), to_eye = normalize(eye - world);
    if (dot(n, to_eye) < -0.2) n = -n;              // the inside of open clothes
    float facing = max(dot(n, sun_direction), 0.0);
    float lit = facing > 0.0 ? sunlit(world + n * 6.0, 0.002, 0.003) : 0.0;
    float low = clamp(world.y / 400.0, 0.0, 1.0);   // legs see less sky where they stand
    vec3 light = ambient(n) * mix(0.75, 1.0, low) + sun_rgb * facing * lit;
    float shine = pow(max(dot(n, normalize(to_eye + sun_direction)), 0.0), 24.0) * 0.08 * lit;
    colour = vec4(srgb(exposure * (texture(albedo, at).rgb * light + sun_rgb * shine)), 1.0);
}
"""
)
